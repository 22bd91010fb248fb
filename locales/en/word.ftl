# The product's own words: roles, outcomes, platforms and so on

role-requester = Requester
role-department-reviewer = Department reviewer
role-legal-reviewer = Legal reviewer
role-final-approver = Final approver
role-platform-operator = Platform operator
role-system-administrator = System administrator
role-security-administrator = Security administrator
role-audit-administrator = Audit administrator
role-auditor = Auditor (read-only)
role-counsel = Legal counsel

outcome-success = Success
outcome-refused = Refused
outcome-failed = Failed

actor-kind-user = Person
actor-kind-token = Token
actor-kind-job = Job
actor-kind-system = System

recipient-outcome-confirmed = Confirmed by the platform
recipient-outcome-accepted = Accepted by the platform
recipient-outcome-unknown = Unknown
recipient-outcome-still-visible = Degraded, still visible
recipient-outcome-failed = Failed

platform-wecom = WeCom
platform-matrix = Matrix
platform-manual = Recorded by hand

harm-class-leak = Leak of sensitive information
harm-class-wrong-audience = Wrong audience
harm-class-wrong-fact = Wrong facts
harm-class-other = Other

recall-path-api = Recall through the API
recall-path-guided = Guided recall in the platform's console
recall-path-none = No recall possible, only remediation

permission-broadcast-send = Send broadcasts
permission-broadcast-read = See broadcasts
permission-content-read = Read message contents
permission-content-unmask = Open a masked message with a reason
permission-recall-request = Request recalls
permission-recall-read = See recall cases
permission-recall-decide = Decide recalls
permission-recall-execute = Carry out guided recalls
permission-recall-halt = Halt an execution
permission-user-manage = Manage accounts
permission-role-manage = Manage roles
permission-auditor-manage = Manage audit access
permission-access-manage = Manage sessions and tokens
permission-connection-manage = Manage connections
permission-token-manage = Manage tokens
permission-audit-read = Read the audit trail
permission-audit-export = Export the audit trail
permission-evidence-export = Export evidence
permission-hold-manage = Place and release legal holds
permission-alert-read = See alerts
permission-alert-acknowledge = Acknowledge alerts
permission-alert-rule-manage = Change alert rules
permission-policy-propose = Propose a change of the recall policy
permission-policy-confirm = Confirm a change of the recall policy
permission-stream-manage = Manage audit streams
permission-system-read = See the system's status
permission-log-read = Mirror the signed log

recall-state-reviewing = Under review
recall-state-returned = Returned
recall-state-approved = Approved
recall-state-executing = Executing
recall-state-recalled = Recalled
recall-state-recall-accepted = Recall accepted by the platform
recall-state-partly-recalled = Partly recalled
recall-state-failed = Recall failed
recall-state-rejected = Rejected
recall-state-withdrawn = Request withdrawn
recall-state-expired = Expired
recall-state-superseded = Superseded

recall-mode-api = Through the API
recall-mode-guided = Guided

recall-verb-approve = Approve
recall-verb-return = Return
recall-verb-reject = Reject

user-state-invited = Invited
user-state-active = Active
user-state-suspended = Suspended

session-state-second-factor = Waiting for the second factor
session-state-enrolment = Waiting for enrolment
session-state-open = Signed in
session-state-closed = Closed
