//! Sealed files in the course of retention: a hold keeps them although the records of their case are gone, only what the log says was erased is
//! removed, and on every node.

use countermand::{
    app::{Caller, audits::packs, evidence, retention},
    store::{
        schema::{audit_packs, bundles},
        verify::Against,
    },
};
use diesel::prelude::*;

use crate::{
    audits::stage,
    retention::{House, WHY, house_with},
    support::db::TestDb,
};

impl House {
    /// The problems that `ledger verify` names in a table.
    pub fn problems(&self, table: &str) -> usize {
        let report = self.stage.app.store.verify(&Against::default()).unwrap();
        report.problems.iter().filter(|p| p.table == table).count()
    }

    /// Changes rows past the product.
    pub fn tamper(&self, sql: &str) {
        let sql = sql.to_owned();
        let change = move |tx: &mut countermand::store::Tx<'_>| {
            match &mut *tx.conn {
                countermand::store::Conn::Sqlite(c) => diesel::sql_query(&sql).execute(c)?,
                countermand::store::Conn::Postgres(c) => diesel::sql_query(&sql).execute(c)?,
            };
            Ok(())
        };
        self.stage.app.store.write_now(change).unwrap();
    }

    async fn bundle(&self) -> (countermand::store::bundles::BundleRow, std::path::PathBuf) {
        let (_, all) = evidence::of_case(&self.stage.app, &Caller::shell(), &self.case).await.unwrap();
        let row = all[0].row.clone();
        let file = self.stage.app.store.data().join(&row.path);
        (row, file)
    }

    pub async fn saved(&self, fields: &[(&str, &str)]) -> String {
        let shot = self.post(&self.counsel, "/audit/searches", fields).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        let name = fields.iter().find(|(field, _)| *field == "name").unwrap().1;
        let all = countermand::app::audit::saved::list(&self.stage.app, &self.counsel.caller).await.unwrap();
        all.iter().find(|search| search.name == name).unwrap().id.clone()
    }
}

/// The records of the case went after their time, and their words with them; a hold by words that comes later keeps the last copy.
#[actix_web::test]
async fn a_hold_by_words_keeps_a_bundle_whose_records_are_gone() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        let (_, file) = house.bundle().await;
        house.days(205);
        house.nightly().await;
        assert_eq!(house.parts_of("recall.submitted"), 0);
        house.days(300);
        let elsewhere = house.saved(&[("name", "其他"), ("words", "收件范围误选"), ("action", "witness.lost")]).await;
        let shot = house.post(&house.counsel, "/holds", &[("search", &elsewhere), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        house.days(570);
        let plan = retention::plan(&house.stage.app, &Caller::shell()).await.unwrap();
        assert_eq!((plan.archive.files, plan.archive.held), (0, 0), "not yet: {:?}", plan.archive);
        let words = house.saved(&[("name", "误选范围"), ("words", "收件范围误选")]).await;
        let hold = house.post(&house.counsel, "/holds", &[("search", &words), ("reason", WHY)]).await;
        assert_eq!(hold.status, 303, "{}", hold.body);
        let ran = {
            house.days(30);
            house.nightly().await
        };
        assert_eq!((ran.plan.archive.files, ran.plan.archive.held), (0, 1), "{:?}", ran.plan.archive);
        assert!(file.exists());
        house.release(&hold.location).await;
        let ran = house.nightly().await;
        assert_eq!((ran.plan.archive.files, ran.plan.archive.held), (1, 0), "the other conditions are still asked: {:?}", ran.plan.archive);
        assert!(!file.exists());
        house.holds();
    }
}

/// Whoever writes into the row of a bundle makes nobody remove a file, and is named.
#[actix_web::test]
async fn only_what_the_log_says_was_erased_is_removed() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        let (row, file) = house.bundle().await;
        house.holds();
        house.tamper(&format!("UPDATE bundles SET erased_at = {} WHERE id = '{}'", house.stage.app.now().0, row.id));
        house.nightly().await;
        assert!(file.exists(), "no event tells of it");
        assert_eq!(house.problems("bundles"), 1);
        house.tamper(&format!("UPDATE bundles SET erased_at = NULL WHERE id = '{}'", row.id));
        house.holds();

        // Its time is over, and its row leads elsewhere: nothing goes.
        let outside = house.stage.app.store.data().join("outside.zip");
        std::fs::write(&outside, "not a bundle").unwrap();
        for path in ["outside.zip", "evidence/archive/../../outside.zip", outside.to_str().unwrap()] {
            house.tamper(&format!("UPDATE bundles SET path = '{path}' WHERE id = '{}'", row.id));
            house.days(if house.stage.app.now().0 < row.sealed_at + 1_097 * 86_400_000_000 { 1_100 } else { 1 });
            let ran = house.nightly().await;
            assert_eq!((ran.plan.archive.files, outside.exists(), file.exists()), (0, true, true), "{path}");
        }
        house.tamper(&format!("UPDATE bundles SET path = '{}' WHERE id = '{}'", row.path, row.id));
        assert_eq!(house.nightly().await.plan.archive.files, 1);
        assert!(!file.exists());
        house.holds();
        house.tamper(&format!("UPDATE bundles SET path = 'outside.zip' WHERE id = '{}'", row.id));
        retention::tidy(&house.stage.app).await.unwrap();
        assert!(outside.exists(), "also of what was erased");
        house.tamper(&format!("UPDATE bundles SET path = '{}', erased_at = NULL WHERE id = '{}'", row.path, row.id));
        assert_eq!(house.problems("bundles"), 1, "the log says that it was erased");
    }
}

/// The file lies on another node, or its node was away for long: it goes when that node looks.
#[actix_web::test]
async fn a_node_removes_its_own_file_whenever_it_comes_back() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        let (_, file) = house.bundle().await;
        let kept = std::fs::read(&file).unwrap();
        house.days(1_100);
        assert_eq!(house.nightly().await.plan.archive.files, 1);
        house.days(90);
        std::fs::write(&file, kept).unwrap();
        std::fs::write(file.with_extension("zip.sha256"), "the other node's").unwrap();
        crate::retention::settled(&house.stage.app.store);
        retention::tidy(&house.stage.app).await.unwrap();
        assert!(!file.exists() && !file.with_extension("zip.sha256").exists());
    }
}

/// A pack is about many cases: any hold keeps it. After its time it cannot be fetched any more, and its row cannot be changed unseen.
#[actix_web::test]
async fn a_pack_goes_after_its_years_unless_anything_is_held() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let app = &house.stage.app;
        let audit = stage::audit(&house.stage, stage::wanted(&house.stage)).await;
        let shot = house.post(&house.audit, &format!("/audits/{}/packs", audit.id), &[]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        house.stage.settle(4, 5).await;
        let pack = packs::list(app, &house.audit.caller, &audit.id).await.unwrap().remove(0);
        let file = app.store.data().join(pack.path.as_ref().unwrap());
        assert!(file.exists());
        house.holds();
        house.tamper(&format!("UPDATE audit_packs SET erased_at = 1 WHERE id = '{}'", pack.id));
        house.nightly().await;
        assert!(file.exists() && house.problems("audit_packs") == 1);
        house.tamper("UPDATE audit_packs SET erased_at = NULL");

        let hold = house.post(&house.counsel, "/holds", &[("case", &house.number), ("reason", WHY)]).await;
        assert_eq!(hold.status, 303, "{}", hold.body);
        house.days(1_100);
        let ran = house.nightly().await;
        assert_eq!((ran.plan.archive.files, ran.plan.archive.held), (0, 2), "the bundle and the pack");
        assert!(file.exists());
        house.release(&hold.location).await;
        assert_eq!(house.nightly().await.plan.archive.files, 2);
        assert!(!file.exists());
        let shot = house.post(&house.audit, &format!("/audits/{}/packs/{}/downloads", audit.id, pack.id), &[]).await;
        assert!(shot.status == 409 && shot.body.contains("资料包已到期清除"), "{} {}", shot.status, shot.body);
        house.holds();
        let gone = app.store.read_now(|c| {
            let packs = audit_packs::table.filter(audit_packs::erased_at.is_not_null()).count().get_result::<i64>(c)?;
            Ok((packs, bundles::table.filter(bundles::erased_at.is_not_null()).count().get_result::<i64>(c)?))
        });
        assert_eq!(gone.unwrap(), (1, 1));
    }
}
