//! Each filter of the viewer: the first page, and one from the middle of what it finds.

use std::time::{Duration, Instant};

use countermand::{
    domain::event::{Action, Outcome},
    store::{
        page::Turn,
        reader::{self, Filter},
        words::Words,
    },
};

use super::{
    Trail,
    events::{address, case, id},
};
use crate::support::amount;

/// Rows of a page.
const PAGE: i64 = 50;

pub fn measure(trail: &Trail) {
    let words = &Words::new(trail.app.store.keys());
    let now = trail.app.now();
    let days = |n: u64| now.minus(Duration::from_secs(n * 86_400));
    let none = Filter::default;
    let n = trail.events;
    let filters: [(&str, Box<dyn Fn(usize) -> Filter>); 12] = [
        ("no filter", Box::new(|_| none())),
        ("a week", Box::new(|i| Filter { from: Some(days(60 + i as u64 % 90)), to: Some(days(53 + i as u64 % 90)), ..none() })),
        ("action", Box::new(|_| Filter { action: Some(Action::RecallLevelOpened.as_str().to_owned()), ..none() })),
        ("outcome", Box::new(|_| Filter { outcome: Some(Outcome::Refused.as_str().to_owned()), words: vec![words.outcome("refused")], ..none() })),
        ("case", Box::new(move |i| Filter { case: Some(case(i * 7919 % n)), ..none() })),
        ("person, by name", Box::new(|i| Filter { words: words.name(&format!("员工{:03}", i % 300)), ..none() })),
        (
            "object",
            Box::new(move |i| {
                let subject = case(i * 104_729 % n);
                Filter { words: words.subject(&subject), subject_id: Some(subject), ..none() }
            }),
        ),
        ("address", Box::new(|i| Filter { words: vec![words.net(address(i * 31).parse().unwrap(), 32)], ..none() })),
        ("network /16", Box::new(|i| Filter { words: vec![words.net(address(i * 31).parse().unwrap(), 16)], ..none() })),
        ("device", Box::new(|i| Filter { words: vec![words.device(&id(4, i % 600))], ..none() })),
        ("words", Box::new(|i| Filter { words: words.text(&format!("第{}期工资条", i % 97)), ..none() })),
        (
            "person and action and a week",
            Box::new(|i| Filter {
                words: words.name(&format!("员工{:03}", i % 300)),
                action: Some(Action::RecallLevelOpened.as_str().to_owned()),
                from: Some(days(60)),
                to: Some(days(53)),
                ..none()
            }),
        ),
    ];
    for (what, filter) in filters {
        let (mut first, mut deep) = (Vec::new(), Vec::new());
        for i in 0..amount(200) {
            let filter = filter(i);
            first.push(page(trail, &filter, &Turn::First));
            deep.push(page(trail, &filter, &Turn::Down((n / 2) as u64)));
        }
        let [first, deep] = [first, deep].map(told);
        println!(
            "| {}: {} M events, {what}: first page / deep page, p50 (p99) in ms | {first} / {deep} | | | 1 / 0.2 | |",
            trail.name,
            n as f64 / 1e6
        );
    }
}

fn page(trail: &Trail, filter: &Filter, turn: &Turn<u64>) -> Duration {
    trail
        .app
        .store
        .read_now(|conn| {
            let begun = Instant::now();
            std::hint::black_box(reader::search(conn, filter, turn, PAGE)?);
            Ok(begun.elapsed())
        })
        .unwrap()
}

/// The median and the 99th hundredth.
fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let ms = |of: usize| times[(times.len() * of / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    format!("{:.2} ({:.2})", ms(50), ms(99))
}
