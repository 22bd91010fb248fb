//! Pure rules of the product: no input or output, no clock, no database. Times come in as values.

pub mod account;
pub mod alert;
pub mod audit;
pub mod catalogue;
pub mod event;
pub mod kept;
pub mod lead;
pub mod notice;
pub mod ocsf;
pub mod outcome;
pub mod personal;
pub mod platform;
pub mod policy;
pub mod privilege;
pub mod probe;
pub mod proposal;
pub mod recall;
pub mod recall_first;
pub mod remediation;
pub mod retention;
pub mod role;
pub mod self_recall;
pub mod sheet;
pub mod stream;
pub mod terms;
pub mod text;
pub mod windows;

/// Declares an enum whose values have one stable word each, used in the database, in JSON and in message keys.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The value behind a stored or posted word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
