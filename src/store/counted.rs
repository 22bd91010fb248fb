//! How many events a piece of work left, for whoever has to make sure that there was one. Not here: the events themselves (`tx`, `log`).

use std::cell::Cell;

tokio::task_local! {
    static LEFT: Cell<usize>;
}

/// Runs `work` and says how many events its writes left behind. Writes that `work` hands to other tasks are not counted: they are jobs'.
pub async fn counting<F: Future>(work: F) -> (F::Output, usize) {
    LEFT.scope(Cell::new(0), async {
        let output = work.await;
        (output, LEFT.with(Cell::get))
    })
    .await
}

/// Adds the events of one write, where somebody counts.
pub(super) fn add(events: usize) {
    let _ = LEFT.try_with(|left| left.set(left.get() + events));
}

#[cfg(test)]
mod tests {
    use super::{add, counting};

    #[tokio::test]
    async fn what_is_left_inside_is_counted_and_nothing_else() {
        add(7);
        let (word, left) = counting(async {
            add(1);
            tokio::spawn(async { add(5) }).await.unwrap();
            add(2);
            "done"
        })
        .await;
        assert_eq!((word, left), ("done", 3));
    }
}
