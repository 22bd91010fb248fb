//! Imports in all their states.

use countermand::{
    app::broadcasts::{
        import::{self, Import, Recipients},
        imports,
    },
    connect::MessageRef,
};

use super::Companies;

impl Companies {
    /// A table that was uploaded.
    async fn uploaded(&mut self, name: &str, sent_at: &str) -> String {
        let rows = format!("平台连接,消息编号,发送时间,备注,正文,收件人\r\n企业微信,{name},{sent_at},,年会时间调整为下周五。,a b\r\n");
        let new = imports::New { kind: "broadcasts".into(), name: "十一月群发.csv".into(), bytes: rows.into_bytes(), ..imports::New::default() };
        let id = imports::upload(&self.full.app, self.caller("requester"), new, countermand::id::fresh()).await.unwrap().value.id;
        self.call(name, id.clone());
        id
    }

    /// Tables in all their states; whatever runs jobs afterwards would go on with the last.
    pub(super) async fn tables(&mut self) {
        for (name, sent_at) in [("import.ready", "2026/11/20 9:05"), ("import.faulty", "46346.378"), ("import.gone", "2026/11/20 9:05")] {
            self.uploaded(name, sent_at).await;
        }
        for name in ["import.done", "import.failed"] {
            let id = self.uploaded(name, "2026/11/20 9:05").await;
            countermand::jobs::run_due(&self.full.app).await.unwrap();
            imports::confirm(&self.full.app, self.caller("requester"), &id).await.unwrap();
            if name == "import.failed" {
                let meanwhile = Import {
                    connection: self.full.connection.clone(),
                    sent_at: Some("2026-11-20T09:05:00+08:00".into()),
                    messages: vec![MessageRef { id: name.into(), room: None }],
                    content: Some((String::new(), "年会时间调整为下周五。".into())),
                    recipients: Recipients::Listed(vec!["a".into()]),
                    ..Import::default()
                };
                import::import(&self.full.app, self.caller("requester"), meanwhile, None).await.unwrap();
            }
            countermand::jobs::run_due(&self.full.app).await.unwrap();
        }
        let gone = self.things["import.gone"].clone();
        imports::discard(&self.full.app, self.caller("requester"), &gone).await.unwrap();
        self.uploaded("import.checking", "2026/11/20 9:05").await;
    }
}
