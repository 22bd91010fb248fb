DELETE FROM counters WHERE name = 'alerts.cursor';
DROP TABLE alerts;
DROP TABLE alert_rules;
