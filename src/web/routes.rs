//! Every path of the product, one flat list. A path is a resource, so that a wrong method is 405 and not 404:
//! `cfg.service(resource("/recalls").get(recalls::index).post(recalls::create));`

use actix_web::web::{ServiceConfig, resource};

use super::{
    api, assets,
    console::{
        self, access, account, alert_rules, alerts, audit, audits, broadcasts, catalogue, connections, delegations, departments, duties, duty,
        evidence, holds, home, imports, invitations, lists, newcomers, passkeys, personal, policies, recalls, remediations, reports, retention,
        self_recalls, sessions, setup, streams, users, work,
    },
    machine,
};

/// Registers all paths.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/static/countermand-verifier.html").get(assets::verifier));
    cfg.service(resource("/static/{path:.*}").get(assets::show));
    cfg.service(resource("/healthz").get(machine::health));
    cfg.service(resource("/readyz").get(machine::ready));
    cfg.service(resource("/metrics").get(machine::metrics));
    cfg.service(resource("/log/checkpoint").get(machine::checkpoint));
    cfg.service(resource("/log/tile/{path:.*}").get(machine::tile));
    cfg.service(resource("/").get(home::show));
    cfg.service(resource("/settings").get(home::settings));
    cfg.service(resource("/settings/jobs").get(work::index));
    cfg.service(resource("/settings/jobs/{id}/retries").post(work::retry));

    cfg.service(resource("/setup/{token}").get(setup::setup).post(setup::set_up));
    cfg.service(resource("/invitations/{token}").get(setup::invitation).post(setup::accept));
    cfg.service(resource("/sign-in").get(sessions::new));
    cfg.service(resource("/sessions").get(access::sessions).post(sessions::create));
    cfg.service(resource("/sessions/passkeys").post(sessions::create_by_passkey));
    cfg.service(resource("/sessions/verification").get(sessions::verification).post(sessions::verify));
    cfg.service(resource("/sessions/enrolment").get(sessions::enrolment).post(sessions::enrol));
    cfg.service(resource("/sessions/current/closures").post(sessions::close));
    cfg.service(resource("/sessions/{id}/revocations").post(access::end_session));
    cfg.service(resource("/tokens").get(access::tokens).post(access::create_token));
    cfg.service(resource("/tokens/{id}/revocations").post(access::revoke_token));

    cfg.service(resource("/account").get(account::show));
    cfg.service(resource("/account/personal-data").get(personal::own));
    cfg.service(resource("/account/api").get(console::api::show));
    cfg.service(resource("/account/password").post(account::password));
    cfg.service(resource("/account/mail-address").post(account::mail_address));
    cfg.service(resource("/account/preferences").post(account::preferences));
    cfg.service(resource("/account/second-factor").get(account::second_factor).post(account::replace_second_factor));
    cfg.service(resource("/account/passkeys").get(passkeys::index).post(passkeys::add));
    cfg.service(resource("/account/passkeys/removals").post(passkeys::remove));
    cfg.service(resource("/account/recovery-codes").post(passkeys::make_codes));
    cfg.service(resource("/account/sessions/{id}/revocations").post(account::revoke_session));
    cfg.service(resource("/account/tokens").post(account::create_token));
    cfg.service(resource("/account/tokens/{id}/revocations").post(account::revoke_token));

    cfg.service(resource("/users").get(users::index));
    cfg.service(resource("/users/invitations").get(invitations::index).post(users::invite));
    cfg.service(resource("/users/invitations/{id}/renewals").post(invitations::send_again));
    cfg.service(resource("/users/invitations/{id}/revocations").post(invitations::revoke));
    cfg.service(resource("/users/imports").get(newcomers::new).post(newcomers::check));
    cfg.service(resource("/users/imports/confirmations").post(newcomers::confirm));
    cfg.service(resource("/users/exports").post(lists::export_users));
    cfg.service(resource("/users/{id}").get(users::show));
    cfg.service(resource("/users/{id}/personal-data").get(personal::show));
    cfg.service(resource("/users/{id}/roles").post(users::roles));
    cfg.service(resource("/users/{id}/audit-access").post(users::give_access));
    cfg.service(resource("/users/{id}/audit-access/endings").post(users::end_access));
    cfg.service(resource("/users/{id}/details").post(users::details));
    cfg.service(resource("/users/{id}/suspensions").get(duties::ask).post(duties::suspend));
    cfg.service(resource("/users/{id}/reinstatements").post(users::reinstate));
    cfg.service(resource("/users/{id}/second-factor-resets").post(users::propose_reset));
    cfg.service(resource("/users/{id}/second-factor-resets/confirmations").post(users::confirm_reset));
    cfg.service(resource("/users/{id}/session-revocations").post(access::end_sessions));
    cfg.service(resource("/departments").get(departments::index).post(departments::create));
    cfg.service(resource("/departments/{id}").get(departments::show).post(departments::change));
    cfg.service(resource("/departments/{id}/closures").post(departments::close));

    cfg.service(resource("/reminders").post(recalls::reminders::create));
    cfg.service(resource("/views").post(lists::save_view));
    cfg.service(resource("/views/{id}/removals").post(lists::remove_view));
    cfg.service(resource("/approvals").get(recalls::approvals::index));
    cfg.service(resource("/recalls").get(recalls::index::index).post(recalls::new::create));
    cfg.service(resource("/recalls/exports").post(lists::export_recalls));
    cfg.service(resource("/recalls/new").get(recalls::new::new));
    cfg.service(resource("/recalls/{id}").get(recalls::show::show));
    cfg.service(resource("/recalls/{id}/decisions").post(recalls::act::decide));
    cfg.service(resource("/recalls/{id}/orders").post(recalls::first::order));
    cfg.service(resource("/recalls/{id}/ratifications").post(recalls::first::ratify));
    cfg.service(resource("/recalls/{id}/statements").post(recalls::act::statement));
    cfg.service(resource("/recalls/{id}/withdrawal").post(recalls::act::withdraw));
    cfg.service(resource("/recalls/{id}/resubmissions").post(recalls::act::resubmit));
    cfg.service(resource("/recalls/{id}/captures").post(recalls::act::capture));
    cfg.service(resource("/recalls/{id}/captures/{attachment}").get(recalls::act::capture_file));
    cfg.service(resource("/recalls/{id}/confirmations").post(recalls::act::confirm));
    cfg.service(resource("/recalls/{id}/halts").post(recalls::act::halt));
    cfg.service(resource("/recalls/{id}/transfers").post(recalls::take_part::transfer));
    cfg.service(resource("/recalls/{id}/additions").post(recalls::take_part::add));
    cfg.service(resource("/recalls/{id}/removals").post(recalls::take_part::remove));
    cfg.service(resource("/recalls/{id}/questions").post(recalls::take_part::ask));
    cfg.service(resource("/recalls/{id}/answers").post(recalls::take_part::answer));
    cfg.service(resource("/recalls/{id}/comments").post(recalls::take_part::comment));
    cfg.service(resource("/recalls/{id}/reminders").post(recalls::take_part::remind));
    cfg.service(resource("/recalls/{id}/remediations").post(recalls::remediations::create));
    cfg.service(resource("/recalls/{id}/remediations/completions").post(recalls::remediations::finish));
    cfg.service(resource("/recalls/{id}/remediations/droppings").post(recalls::remediations::drop_step));
    cfg.service(resource("/recalls/{id}/progress").get(recalls::progress::show));
    cfg.service(resource("/recalls/{id}/receipts/{event}").get(recalls::receipt::show));

    cfg.service(resource("/recalls/{id}/evidence").get(evidence::of_case));

    cfg.service(resource("/delegations").get(delegations::index).post(delegations::create));
    cfg.service(resource("/delegations/new").get(delegations::new));
    cfg.service(resource("/delegations/{id}").get(delegations::show));
    cfg.service(resource("/delegations/{id}/ends").post(delegations::end));

    cfg.service(resource("/duty").get(duty::index).post(duty::create));
    cfg.service(resource("/duty/uses").get(duty::report));
    cfg.service(resource("/duty/uses/{id}/releases").post(duty::propose_release));
    cfg.service(resource("/duty/uses/{id}/releases/confirmations").post(duty::release));
    cfg.service(resource("/duty/{id}/endings").post(duty::end));
    cfg.service(resource("/remediations").get(remediations::index));
    cfg.service(resource("/self-recalls").get(self_recalls::index).post(self_recalls::create));
    cfg.service(resource("/self-recalls/new").get(self_recalls::new));
    cfg.service(resource("/self-recalls/{id}").get(self_recalls::show));
    cfg.service(resource("/self-recalls/{id}/checks").post(self_recalls::check));

    cfg.service(resource("/audit").get(audit::index));
    cfg.service(resource("/audit/event-types").get(audit::types::index));
    cfg.service(resource("/audit/exports").post(audit::exports::create));
    cfg.service(resource("/audit/exports/{id}").get(audit::exports::show));
    cfg.service(resource("/audit/exports/{id}/file").get(audit::exports::file));
    cfg.service(resource("/audit/searches").post(audit::searches::create));
    cfg.service(resource("/audit/searches/{id}/removals").post(audit::searches::remove));
    cfg.service(resource("/audit/{index}").get(audit::event::show));
    cfg.service(resource("/audits").get(audits::index).post(audits::create));
    cfg.service(resource("/audits/new").get(audits::new));
    cfg.service(resource("/audits/{id}").get(audits::show));
    cfg.service(resource("/audits/{id}/packs").post(audits::request));
    cfg.service(resource("/audits/{id}/packs/{pack}/downloads").post(audits::download));
    cfg.service(resource("/questions").get(audits::questions).post(audits::put));
    cfg.service(resource("/questions/{id}").get(audits::question));
    cfg.service(resource("/questions/{id}/answers").post(audits::answer));
    cfg.service(resource("/evidence").get(evidence::index));
    cfg.service(resource("/evidence/exports").post(evidence::create));
    cfg.service(resource("/evidence/verification").get(evidence::verification).post(evidence::verify));
    cfg.service(resource("/evidence/{number}").get(evidence::show));
    cfg.service(resource("/evidence/{number}/downloads").post(evidence::download));

    cfg.service(resource("/alerts").get(alerts::index));
    cfg.service(resource("/alerts/rules").get(alert_rules::index));
    cfg.service(resource("/alerts/rules/{rule}").get(alert_rules::show).post(alert_rules::change));
    cfg.service(resource("/alerts/{id}").get(alerts::show));
    cfg.service(resource("/alerts/{id}/acknowledgements").post(alerts::acknowledge));

    cfg.service(resource("/holds").get(holds::index).post(holds::create));
    cfg.service(resource("/holds/new").get(holds::new));
    cfg.service(resource("/holds/{id}").get(holds::show));
    cfg.service(resource("/holds/{id}/confirmations").post(holds::place));
    cfg.service(resource("/holds/{id}/refusals").post(holds::decline));
    cfg.service(resource("/holds/{id}/releases").post(holds::propose_release));
    cfg.service(resource("/holds/{id}/releases/confirmations").post(holds::release));
    cfg.service(resource("/holds/{id}/releases/refusals").post(holds::keep));

    cfg.service(resource("/retention").get(retention::show));

    cfg.service(resource("/catalogue").get(catalogue::index));
    cfg.service(resource("/policies").get(policies::index));
    cfg.service(resource("/policies/compare").get(policies::compare));
    cfg.service(resource("/policies/proposals").post(policies::proposals::create));
    cfg.service(resource("/policies/proposals/new").get(policies::proposals::new));
    cfg.service(resource("/policies/proposals/{id}").get(policies::proposals::show));
    cfg.service(resource("/policies/proposals/{id}/confirmations").post(policies::proposals::confirm));
    cfg.service(resource("/policies/proposals/{id}/refusals").post(policies::proposals::reject));
    cfg.service(resource("/policies/proposals/{id}/withdrawals").post(policies::proposals::withdraw));

    cfg.service(resource("/streams").get(streams::index).post(streams::create));
    cfg.service(resource("/streams/new").get(streams::new));
    cfg.service(resource("/streams/{id}").get(streams::show).post(streams::change));
    cfg.service(resource("/streams/{id}/tests").post(streams::test));
    cfg.service(resource("/streams/{id}/pauses").post(streams::pause));
    cfg.service(resource("/streams/{id}/resumptions").post(streams::resume));
    cfg.service(resource("/streams/{id}/secrets").post(streams::rotate));
    cfg.service(resource("/streams/{id}/cursor").post(streams::rewind));
    cfg.service(resource("/streams/{id}/removals").post(streams::remove));

    cfg.service(resource("/broadcasts").get(broadcasts::list::index).post(broadcasts::create));
    cfg.service(resource("/broadcasts/exports").post(lists::export_broadcasts));
    cfg.service(resource("/broadcasts/new").get(broadcasts::new));
    cfg.service(resource("/broadcasts/imports").get(imports::index).post(imports::create));
    cfg.service(resource("/broadcasts/imports/new").get(imports::new));
    cfg.service(resource("/broadcasts/imports/templates/{kind}").get(imports::template));
    cfg.service(resource("/broadcasts/imports/{id}").get(imports::show));
    cfg.service(resource("/broadcasts/imports/{id}/report").get(imports::report));
    cfg.service(resource("/broadcasts/imports/{id}/checks").post(imports::check));
    cfg.service(resource("/broadcasts/imports/{id}/confirmations").post(imports::confirm));
    cfg.service(resource("/broadcasts/imports/{id}/removals").post(imports::discard));
    cfg.service(resource("/broadcasts/{id}").get(broadcasts::show));
    cfg.service(resource("/broadcasts/{id}/attachments/{attachment}").get(broadcasts::file));
    cfg.service(resource("/broadcasts/{id}/unmaskings").post(broadcasts::unmask));
    cfg.service(resource("/reports").post(reports::create));
    cfg.service(resource("/reports/new").get(reports::new));
    cfg.service(resource("/connections").get(connections::index).post(connections::create));
    cfg.service(resource("/connections/new").get(connections::new));
    cfg.service(resource("/connections/{id}").get(connections::show).post(connections::change));
    cfg.service(resource("/connections/{id}/tests").post(connections::test));

    cfg.service(resource("/api/v1/openapi.json").get(api::openapi::show));
    cfg.service(resource("/api/v1/event-types").get(api::event_types::index));
    cfg.service(resource("/api/v1/events").get(api::events::index));
    cfg.service(resource("/api/v1/events/{index}").get(api::events::show));
    cfg.service(resource("/api/v1/broadcasts").get(api::broadcasts::index).post(api::broadcasts::create));
    cfg.service(resource("/api/v1/broadcasts/imports").post(api::broadcasts::import));
    cfg.service(resource("/api/v1/broadcasts/exports").post(api::exports::broadcasts));
    cfg.service(resource("/api/v1/broadcasts/{id}").get(api::broadcasts::show));
    cfg.service(resource("/api/v1/broadcasts/{id}/recipients").get(api::broadcasts::recipients));
    cfg.service(resource("/api/v1/imports").get(api::imports::index).post(api::imports::create));
    cfg.service(resource("/api/v1/imports/{id}").get(api::imports::show));
    cfg.service(resource("/api/v1/imports/{id}/checks").post(api::imports::check));
    cfg.service(resource("/api/v1/imports/{id}/confirmations").post(api::imports::confirm));
    cfg.service(resource("/api/v1/imports/{id}/removals").post(api::imports::discard));
    cfg.service(resource("/api/v1/reports").post(api::broadcasts::report));
    cfg.service(resource("/api/v1/remediations").get(api::remediations::index));
    cfg.service(resource("/api/v1/recalls/{id}/remediations").get(api::remediations::show).post(api::remediations::create));
    cfg.service(resource("/api/v1/recalls/{id}/remediations/completions").post(api::remediations::finish));
    cfg.service(resource("/api/v1/recalls/{id}/remediations/droppings").post(api::remediations::drop_step));
    cfg.service(resource("/api/v1/self-recalls").get(api::self_recalls::index).post(api::self_recalls::create));
    cfg.service(resource("/api/v1/self-recalls/{id}").get(api::self_recalls::show));
    cfg.service(resource("/api/v1/self-recalls/{id}/checks").post(api::self_recalls::check));
    cfg.service(resource("/api/v1/reminders").post(api::reminders::create));
    cfg.service(resource("/api/v1/approvals").get(api::recalls::approvals));
    cfg.service(resource("/api/v1/delegations").get(api::delegations::index).post(api::delegations::create));
    cfg.service(resource("/api/v1/delegations/{id}/ends").post(api::delegations::end));
    cfg.service(resource("/api/v1/recalls").get(api::recalls::index).post(api::recalls::create));
    cfg.service(resource("/api/v1/recalls/exports").post(api::exports::recalls));
    cfg.service(resource("/api/v1/recalls/{id}").get(api::recalls::show));
    cfg.service(resource("/api/v1/recalls/{id}/decisions").post(api::recalls::decide));
    cfg.service(resource("/api/v1/recalls/{id}/orders").post(api::recalls::order));
    cfg.service(resource("/api/v1/recalls/{id}/ratifications").post(api::recalls::ratify));
    cfg.service(resource("/api/v1/recalls/{id}/transfers").post(api::recalls::transfer));
    cfg.service(resource("/api/v1/recalls/{id}/additions").post(api::recalls::add));
    cfg.service(resource("/api/v1/recalls/{id}/removals").post(api::recalls::remove));
    cfg.service(resource("/api/v1/recalls/{id}/questions").post(api::recalls::ask));
    cfg.service(resource("/api/v1/recalls/{id}/answers").post(api::recalls::answer));
    cfg.service(resource("/api/v1/recalls/{id}/comments").post(api::recalls::comment));
    cfg.service(resource("/api/v1/recalls/{id}/reminders").post(api::recalls::remind));
    cfg.service(resource("/api/v1/recalls/{id}/captures").post(api::execution::capture));
    cfg.service(resource("/api/v1/recalls/{id}/confirmations").post(api::execution::confirm));
    cfg.service(resource("/api/v1/recalls/{id}/halts").post(api::execution::halt));
    cfg.service(resource("/api/v1/recalls/{id}/withdrawal").post(api::recalls::withdraw));
    cfg.service(resource("/api/v1/recalls/{id}/resubmissions").post(api::recalls::resubmit));
    cfg.service(resource("/api/v1/recalls/{id}/evidence").get(api::evidence::of_case));
    cfg.service(resource("/api/v1/evidence").get(api::evidence::index));
    cfg.service(resource("/api/v1/evidence/exports").post(api::evidence::create));
    cfg.service(resource("/api/v1/evidence/verification").post(api::evidence::verify));
    cfg.service(resource("/api/v1/evidence/{number}").get(api::evidence::show));
    cfg.service(resource("/api/v1/evidence/{number}/downloads").post(api::evidence::download));
}
