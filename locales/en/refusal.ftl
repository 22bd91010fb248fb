# Why a request was refused
error-type = Wrong type: { $wanted ->
    [text] a string
    [list] a list
    [object] an object
    [flag] true or false
   *[number] a whole number
 } is wanted
error-json = Not a JSON object
error-base64 = Not valid Base64

fault-disk-full = The disk is full and nothing was written. Ask the system administrator to make room, then try again.
fault-behind-title = Only reading is possible
fault-behind = The database was put back from a backup and lies behind what the log has signed. Nothing can be written until the system administrator starts a new log (countermand ledger renew).
refusal-idempotency-key = An Idempotency-Key is 1 to 255 visible ASCII characters
refusal-idempotency-other = This Idempotency-Key was used for another request
refusal-idempotency-running = The same request is still running; repeat it with the same key in a moment

# Why a rule said no
refusal-not-reviewing = The case is no longer under review.
refusal-changed-meanwhile = The case has changed since you opened it. Please check and decide again.
refusal-past-cut-off = The last useful moment has passed: the recall window closes or has closed.
refusal-level-not-open = This level is not open for a decision.
refusal-not-a-person = Only a person decides, never a service token.
refusal-role-not-for-level = Your role does not decide at this level.
refusal-administrators-do-not-decide = Administrators take no part in decisions.
refusal-other-department = This case belongs to another department.
refusal-own-request = You cannot decide on your own request.
refusal-decided-at-another-level = You have decided at another level. The three levels need three people.
refusal-halted = The execution was halted and cannot be approved. Please find out why first.
refusal-not-open = The case is being executed or is finished; the request can no longer be withdrawn.
refusal-not-the-requester = Only the requester can withdraw the request.
refusal-not-returned = The case was not returned and need not be resubmitted.
refusal-not-the-requester-resubmitting = Only the requester can resubmit.
refusal-past-cut-off-resubmitting = The last useful moment has passed; it is too late to resubmit.
refusal-nothing-to-expire = The case is finished; there is nothing to expire.
refusal-not-yet-expired = It has not expired yet.
refusal-nothing-to-halt = There is nothing to halt.
refusal-not-approved = The case has not passed all three levels and cannot be executed.
refusal-not-three-people = The three levels were not decided by three different people.
refusal-window-closed = The recall window has closed.
refusal-halted-before-start = It was halted before it started.
refusal-not-executing = The case is not being executed.
refusal-window-closed-before-call = The recall window closed before the platform was called.
refusal-halted-before-call = The execution was halted before the platform was called.
refusal-already-answered = The platform has answered already; the call is not repeated.
refusal-not-guided = This is not a guided recall; no capture is needed.
refusal-no-capture = There is no capture to confirm yet.
refusal-own-capture = You cannot confirm your own act; a second person must.
refusal-own-request-confirming = The requester cannot confirm the execution.
refusal-own-order-confirming = You ordered this recall; somebody else must confirm its execution.
refusal-nothing-to-finish = No execution is under way.
refusal-account-suspended = The account is suspended.
refusal-already-imported = These messages have been recorded already.
refusal-base-url = The platform's address was not accepted.
refusal-credentials = Account, password or code is not right.
refusal-enrolment-stale = The enrolment has expired. Please start again.
refusal-last-administrator = This is the last administrator of its kind.
refusal-no-second-factor = No second factor has been enrolled.
refusal-auditor-elsewhere = Audit access is given and ended by the audit administrator.
refusal-auditor-other-roles = The account holds other roles, and an auditor holds nothing else. The security administrator takes those first.
refusal-no-audit-access = The account has no audit access.
refusal-connection-off = The connection to the platform is switched off.
refusal-own-account = You cannot do this to your own account.
refusal-platform-read = The platform did not return what was needed.
refusal-session-over = Your sign-in has expired. Please sign in again.
refusal-step-up-locked = Too many wrong codes. Please try again in { $time }.
