//! Small shapes that the macros in `templates/ui` draw. Texts are in the person's language already.

use super::{page::Html, visit::Tone};

/// One of several answers to a question: radio, card or option of a list.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// A second line below the label; empty for none.
    pub hint: String,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into(), hint: String::new() }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// A figure in the row of facts.
#[derive(Clone, Debug)]
pub struct Fact {
    pub label: String,
    pub value: String,
    /// Small print beside the value; empty for none.
    pub note: String,
}

impl Fact {
    pub fn new(label: impl Into<String>, value: impl Into<String>, note: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), note: note.into() }
    }
}

/// Where a step of the way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    Done,
    /// Waiting for somebody now.
    Now,
    Todo,
    /// It ended here: rejected, expired, failed.
    Stopped,
}

/// A node of the stepper.
#[derive(Clone, Debug)]
pub struct Step {
    pub state: StepState,
    pub title: String,
    /// Who; empty for none.
    pub who: String,
    /// When, how long, or what is waited for; empty for none.
    pub note: String,
}

impl Step {
    pub fn class(&self) -> &'static str {
        match self.state {
            StepState::Done => "done",
            StepState::Now => "now",
            StepState::Todo => "todo",
            StepState::Stopped => "stopped",
        }
    }

    pub fn icon(&self) -> &'static str {
        match self.state {
            StepState::Done => "check",
            StepState::Now | StepState::Todo => "more",
            StepState::Stopped => "x",
        }
    }

    /// Key of the word that the picture stands for.
    pub fn label_key(&self) -> &'static str {
        match self.state {
            StepState::Done => "step-done",
            StepState::Now => "step-now",
            StepState::Todo => "step-todo",
            StepState::Stopped => "step-stopped",
        }
    }
}

/// An entry of a timeline, newest first.
pub struct TimelineItem {
    /// A `<time>`, made by `Page::stamp`.
    pub at: Html,
    pub tone: Tone,
    pub who: String,
    pub what: String,
    /// Address, device, proof of identity.
    pub details: Vec<String>,
}

/// A way back: one link of the crumbs. The last one, without an address, is the page itself.
#[derive(Clone, Debug)]
pub struct Crumb {
    pub href: String,
    pub label: String,
}

impl Crumb {
    pub fn link(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.into() }
    }

    pub fn here(label: impl Into<String>) -> Self {
        Self { href: String::new(), label: label.into() }
    }
}

/// An active filter, with the address that removes it.
#[derive(Clone, Debug)]
pub struct Chip {
    pub label: String,
    pub href: String,
}
