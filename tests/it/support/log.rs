//! The log as a test reads it: each event with its parts opened.

use countermand::store::{Store, reader};
use serde_json::Value;

/// How many events there are.
pub async fn size(store: &Store) -> u64 {
    u64::try_from(store.read(|conn| Ok(reader::head(conn)?.size)).await.unwrap()).unwrap()
}

/// The events from `from` on: `{"action","outcome","actor","subject",…,"parts":{name:value}}`.
pub async fn events_from(store: &Store, from: u64) -> Vec<Value> {
    let keys = store.keys().clone();
    let read = store.read(move |conn| {
        let mut all = Vec::new();
        for event in reader::events_from(conn, from, 10_000)? {
            let mut value: Value = serde_json::from_slice(&event.bytes).unwrap();
            let mut parts = serde_json::Map::new();
            for part in reader::parts_of(conn, &keys, &event.leaf.id)? {
                parts.insert(part.name, serde_json::from_slice(&part.value).unwrap());
            }
            value["parts"] = Value::Object(parts);
            all.push(value);
        }
        Ok(all)
    });
    read.await.unwrap()
}
