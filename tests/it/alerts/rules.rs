//! The rules, looked at and changed; and that one who makes them see less is seen.

use countermand::domain::{alert::Rule, role::Role};

use super::House;
use crate::support::{db::TestDb, log};

#[actix_web::test]
async fn a_change_is_a_version_with_before_and_after_and_holds_from_then_on() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let clerk = house.stage.person("zhangwei", &[Role::LegalReviewer], "法务部").await;
        let page = house.stage.get(&house.audit, "/alerts/rules").await;
        for words in ["操作屡次被拒绝", "10 分内达到 5 次", "出厂设置", "超过平时的 5 倍", "每次发生即触发"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let before = log::size(&house.app().store).await;
        let done = house.change(&house.security, Rule::Refusals, &[("threshold", "2")]).await;
        assert_eq!(done.status, 303, "{}", done.body);
        let told = log::events_from(&house.app().store, before).await;
        let event = told.iter().find(|e| e["action"] != "session.opened").unwrap();
        let detail = &event["parts"]["detail"];
        assert_eq!((event["action"].as_str(), event["subject"]["id"].as_str()), (Some("alert_rule.changed"), Some("refusals")));
        assert_eq!((&detail["before"]["threshold"], &detail["after"]["threshold"], &detail["version"]), (&5.into(), &2.into(), &1.into()));
        assert_eq!((&detail["weaker"], &event["parts"]["text"]["reason"]), (&false.into(), &"按年度审计意见调整".into()));
        for _ in 0..2 {
            house.refused(&clerk).await;
        }
        house.pass().await;
        let alert = house.one(Rule::Refusals).await;
        assert_eq!((alert.rule_version, alert.why.threshold, alert.why.counted), (1, 2, 2));
        assert_eq!(house.of(Rule::RuleWeakened).await.len(), 0, "to see more needs no second pair of eyes");
        let page = house.stage.get(&house.auditor, "/alerts/rules/refusals").await;
        assert!(page.body.contains("第 1 版") && page.body.contains("xuman") && !page.body.contains("name=\"threshold\""), "{}", page.body);
        // Off: nothing of it is seen any more.
        assert_eq!(house.change(&house.security, Rule::Refusals, &[("enabled", "")]).await.status, 303);
        house.minutes(30);
        for _ in 0..3 {
            house.refused(&clerk).await;
        }
        house.pass().await;
        assert_eq!(house.of(Rule::Refusals).await.len(), 1);
    }
}

#[actix_web::test]
async fn who_weakens_a_rule_is_seen_by_somebody_else() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        assert_eq!(house.change(&house.audit, Rule::ExportRows, &[("threshold", "9000000")]).await.status, 303);
        house.pass().await;
        let alert = house.one(Rule::RuleWeakened).await;
        assert_eq!(alert.about, "fangzhou");
        assert_eq!(house.acknowledge(&house.audit, &alert).await.status, 409, "not by themselves");
        let page = house.stage.get(&house.auditor, "/alerts").await;
        assert!(page.body.contains(&alert.id) && page.body.contains("fangzhou 放宽了告警规则，共 1 次。"), "{}", page.body);
        assert_eq!(house.acknowledge(&house.security, &alert).await.status, 303);
    }
}

#[actix_web::test]
async fn what_is_typed_is_judged_at_its_field_and_kept() {
    let house = House::set(TestDb::one()).await;
    for (rule, field, typed, words) in [
        (Rule::Refusals, "threshold", "0", "不能小于 1"),
        (Rule::Refusals, "threshold", "五", "请填写数字"),
        (Rule::Refusals, "threshold", "", "请填写此项"),
        (Rule::Refusals, "span", "99999", "不能大于 10080"),
        (Rule::Refusals, "severity", "loud", "请选择一项"),
        (Rule::Refusals, "roles", "auditor", "通知对象必须包括审计管理员"),
        (Rule::Refusals, "reason", "短", "至少 5 字"),
        (Rule::Refusals, "totp", "000000", "验证码"),
        (Rule::TwoNetworks, "threshold", "1", "不能小于 2"),
        (Rule::PurgeLarge, "least", "x", "请填写数字"),
        (Rule::LogBroken, "enabled", "", "此规则不能停用"),
        (Rule::OffHours, "from", "25:00", "请按 24 小时制填写"),
        (Rule::OffHours, "until", "06:00", "下班时间须晚于上班时间"),
        (Rule::OffHours, "days", "8", "请选择一项"),
        (Rule::OffHours, "holidays", "2026-02-30", "「2026-02-30」不是日期"),
    ] {
        // A code is asked for where something changes.
        let more = if field == "totp" { &[("threshold", "4"), ("totp", typed)][..] } else { &[(field, typed)] };
        let page = house.change(&house.security, rule, more).await;
        assert_eq!(page.status, 422, "{rule} {field}");
        assert!(page.body.contains(words), "{rule} {field} {words}: {}", page.body);
        if !matches!(field, "severity" | "roles" | "totp" | "enabled" | "days" | "reason") && !typed.is_empty() {
            assert!(page.body.contains(&format!("value=\"{typed}\"")) || page.body.contains(&format!(">\n{typed}<")), "{field} keeps {typed}");
        }
    }
    assert_eq!(house.change(&house.security, Rule::Refusals, &[]).await.status, 409, "nothing changed");
    assert_eq!(house.change(&house.security, Rule::Refusals, &[("version", "4"), ("threshold", "3")]).await.status, 409);
    assert_eq!(house.change(&house.system, Rule::Refusals, &[("threshold", "3")]).await.status, 403);
    assert_eq!(house.stage.get(&house.audit, "/alerts/rules/nothing").await.status, 404);
    let done = house.change(&house.security, Rule::OffHours, &[("holidays", "2026-10-01、2026-10-02"), ("workdays", "2026-10-10")]).await;
    assert_eq!(done.status, 303);
    let page = house.stage.get(&house.security, "/alerts/rules/off_hours").await;
    assert!(page.body.contains("2026-10-01 2026-10-02") && page.body.contains("2026-10-10"), "{}", page.body);
}
