//! Settings from variables of the environment: which key a name stands for, and what its text is. Not here: what a setting may be.

/// Sets `key` to `value`, typed by what the key wants. The name of a table reaches its keys (`retention_days` or `retention__days` is `retention.days`), and by
/// itself takes the whole table as TOML (`{ host = "…" }`).
pub(super) fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<(), String> {
    const TABLES: [&str; 10] = ["retention", "timestamp", "evidence", "witness", "smtp", "streams", "alerts", "clock", "api", "imports"];
    let list = || toml::Value::Array(value.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| toml::Value::String(s.to_owned())).collect());
    for name in TABLES {
        if key == name {
            let whole =
                format!("{name} = {value}").parse::<toml::Table>().map_err(|_| format!("must be a TOML table, or set {name}_… one by one"))?;
            table.extend(whole);
            return Ok(());
        }
        let Some(below) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('_')).map(|rest| rest.trim_start_matches('_')) else { continue };
        // A table within the table: one class of events, or all of them as TOML.
        if let (true, Some(class)) = (name == "retention", below.strip_prefix("classes")) {
            let classes = match class.trim_start_matches('_') {
                "" => {
                    format!("classes = {value}").parse::<toml::Table>().map_err(|_| "must be a TOML table, such as { session = 365 }".to_owned())?
                }
                class => {
                    let days = toml::Value::Integer(value.parse().map_err(|_| "must be a number of days".to_owned())?);
                    toml::Table::from_iter([("classes".to_owned(), toml::Value::Table(toml::Table::from_iter([(class.to_owned(), days)])))])
                }
            };
            table.insert(name.to_owned(), toml::Value::Table(classes));
            return Ok(());
        }
        // As above, for the key in a token.
        if let (true, Some(field)) = (name == "evidence", below.strip_prefix("pkcs11")) {
            let whole = match field.trim_start_matches('_') {
                "" => format!("pkcs11 = {value}").parse::<toml::Table>().map_err(|_| "must be a TOML table: { module = \"…\", … }".to_owned())?,
                _ => return Err("is set as a whole: COUNTERMAND_EVIDENCE_PKCS11, a TOML table".to_owned()),
            };
            table.insert(name.to_owned(), toml::Value::Table(whole));
            return Ok(());
        }
        let typed = match below {
            "days" | "bundles" | "broadcasts" | "renew_before_days" => {
                toml::Value::Integer(value.parse().map_err(|_| "must be a number of days".to_owned())?)
            }
            "local" => {
                let port = |word: &str| word.trim().parse().map(toml::Value::Integer);
                toml::Value::Array(value.split(',').map(port).collect::<Result<_, _>>().map_err(|_| "must be port numbers with commas".to_owned())?)
            }
            "port" => toml::Value::Integer(value.parse().map_err(|_| "must be a port number".to_owned())?),
            "requests_per_minute" | "largest_file" => toml::Value::Integer(value.parse().map_err(|_| "must be a whole number".to_owned())?),
            "authorities" => {
                let whole = format!("{below} = {value}").parse::<toml::Table>();
                let mut whole = whole.map_err(|_| "must be a list of TOML tables: [{ name = \"…\", url = \"…\", root = \"…\" }]".to_owned())?;
                whole.remove(below).ok_or("must be a list")?
            }
            _ => toml::Value::String(value.to_owned()),
        };
        table.insert(name.to_owned(), toml::Value::Table(toml::Table::from_iter([(below.to_owned(), typed)])));
        return Ok(());
    }
    let typed = match key {
        "log_public" | "allow_private_destinations" => toml::Value::Boolean(value.parse().map_err(|_| "must be true or false".to_owned())?),
        "trusted_proxies" => list(),
        _ => toml::Value::String(value.to_owned()),
    };
    table.insert(key.to_owned(), typed);
    Ok(())
}

/// Puts `over` on top of `table`, key by key.
pub(super) fn merge(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}
