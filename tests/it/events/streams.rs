//! The posts of `/streams`, working and refused; kept beside `done`, which is long enough.

use super::house::{By, Crew, House};
use crate::fake_http::{Fake, answer};

/// Every post of a stream's page.
pub(super) async fn streams(house: &House, crew: &Crew) {
    let (by, who) = (By::Person(&crew.audit), &crew.audit);
    let fake = Fake::start(|_| answer("200", "", ""));
    let route = "/streams";
    let fields = |name: &'static str, destination: &str, code: &str| {
        [
            ("name", name.to_owned()),
            ("kind", "webhook".to_owned()),
            ("destination", destination.to_owned()),
            ("format", "ocsf".to_owned()),
            ("actions", "recall.*".to_owned()),
            ("outcomes", "refused".to_owned()),
            ("leave_out", "names".to_owned()),
            ("totp", code.to_owned()),
        ]
    };
    let post = async |path: &str, fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        house.post(by, path, &fields).await
    };
    for wrong in [
        ("destination", "ftp://siem.example.com"),
        ("destination", ""),
        ("name", ""),
        ("kind", "pigeon"),
        ("format", "xml"),
        ("actions", "recall"),
        ("outcomes", "fine"),
        ("leave_out", "everything"),
        ("cases", "FR-0"),
        ("secret", "whsec_short"),
        ("ca", "no certificate"),
        ("certificate", "no certificate"),
        ("totp", "000000"),
    ] {
        let mut fields: Vec<(&str, String)> = fields("安全运营中心", &fake.base_url, &house.fresh_code(who)).to_vec();
        fields.retain(|(name, _)| *name != wrong.0);
        fields.push((wrong.0, wrong.1.to_owned()));
        let shot = post(route, &fields).await;
        house.declined(route, by, &shot, 422, "invalid");
        assert!(wrong.0 == "name" || shot.body.contains("安全运营中心"), "what was typed is kept");
    }
    let shot = post(route, &fields("安全运营中心", &fake.base_url, &house.fresh_code(who))).await;
    house.worked(route, by, &shot);
    let secret = shot.body.split("whsec_").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(secret.len() > 40 && !shot.events[0].to_string().contains(&secret), "shown once, recorded nowhere");
    let id = shot.events[0]["subject"]["id"].as_str().unwrap().to_owned();
    let page = house.stage.get(who, &format!("/streams/{id}")).await;
    assert!(page.status == 200 && !page.body.contains(&secret) && page.body.contains("安全运营中心"), "{}", page.body);
    let shot = post(route, &fields("安全运营中心", &fake.base_url, &house.fresh_code(who))).await;
    house.declined(route, by, &shot, 422, "invalid");

    let act = async |what: &str, version: &str, more: (&'static str, &str)| {
        let code = house.fresh_code(who);
        let path = format!("/streams/{id}{what}");
        house.post(by, &path, &[("version", version), more, ("totp", &code)]).await
    };
    let worked = |what: &str, shot: &super::house::Shot| house.worked(&format!("/streams/{{id}}{what}"), by, shot);
    let declined =
        |what: &str, shot: &super::house::Shot, status, reason| house.declined(&format!("/streams/{{id}}{what}"), by, shot, status, reason);
    worked("/tests", &act("/tests", "", ("", "")).await);
    assert_eq!(fake.asked().len(), 1);
    let change = |name: &'static str, version: &str, code: &str| {
        let mut fields = fields(name, &fake.base_url, code).to_vec();
        fields.push(("version", version.to_owned()));
        fields
    };
    let path = format!("/streams/{id}");
    let shot = post(&path, &change("安全运营", "1", &house.fresh_code(who))).await;
    worked("", &shot);
    let shot = post(&path, &change("安全运营", "1", &house.fresh_code(who))).await;
    declined("", &shot, 409, "conflict");
    let shot = post(&path, &change("", "2", &house.fresh_code(who))).await;
    declined("", &shot, 422, "invalid");
    declined("/pauses", &act("/pauses", "9", ("", "")).await, 409, "conflict");
    worked("/pauses", &act("/pauses", "2", ("", "")).await);
    declined("/resumptions", &act("/resumptions", "2", ("", "")).await, 409, "conflict");
    let shot = house.post(by, &format!("/streams/{id}/resumptions"), &[("version", "3"), ("totp", "1")]).await;
    declined("/resumptions", &shot, 422, "invalid");
    worked("/resumptions", &act("/resumptions", "3", ("", "")).await);
    declined("/secrets", &act("/secrets", "3", ("", "")).await, 409, "conflict");
    let shot = act("/secrets", "4", ("", "")).await;
    worked("/secrets", &shot);
    assert!(shot.body.contains("whsec_") && !shot.body.contains(&secret));
    declined("/cursor", &act("/cursor", "5", ("index", "-1")).await, 422, "invalid");
    declined("/cursor", &act("/cursor", "5", ("index", "999999")).await, 422, "invalid");
    worked("/cursor", &act("/cursor", "5", ("index", "0")).await);
    declined("/removals", &act("/removals", "5", ("", "")).await, 409, "conflict");
    worked("/removals", &act("/removals", "6", ("", "")).await);
    declined("/removals", &act("/removals", "7", ("", "")).await, 404, "not_found");
    let shot = house.post(by, &format!("/streams/{id}/tests"), &[]).await;
    declined("/tests", &shot, 404, "not_found");
    let file = [("name", "f"), ("kind", "file"), ("destination", "f"), ("format", "native"), ("totp", &house.fresh_code(who))];
    let shot = house.post(by, route, &file).await;
    house.worked(route, by, &shot);
    let id = shot.events[0]["subject"]["id"].as_str().unwrap();
    let shot = house.post(by, &format!("/streams/{id}/secrets"), &[("version", "1"), ("totp", &house.fresh_code(who))]).await;
    house.declined("/streams/{id}/secrets", by, &shot, 409, "stream-no-secret");
}
