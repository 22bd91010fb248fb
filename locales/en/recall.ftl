# Recall cases: request, three levels, execution, the case page

level-1 = Department review
level-2 = Legal and compliance review
level-3 = Final approval

recall-title = recall case
recall-heading = Forced recall: { $title }
recall-high = High impact
recall-left = Time left
recall-until = is the deadline
recall-due = This level is due
recall-late = Overdue
recall-number = Case number
recall-message = Message
recall-state = State
recall-requester = Requester
recall-recipients = Recipients
recall-asked = Requested
recall-asked-at = asked on
recall-by-of = { $who } ({ $department })
recall-channel = Channel
recall-count = { $n ->
    [one] { $n_text } case on this page
   *[other] { $n_text } cases on this page
 }

recall-waiting-1 = Waits for department review
recall-waiting-2 = Waits for legal review
recall-waiting-3 = Waits for final approval

recall-next-reviewing = The next level is to decide.
recall-next-returned = Returned to the requester; once completed it goes back to department review.
recall-next-approved = All three levels approved; it is about to be executed.
recall-next-executing = It is being executed; the outcome will be recorded in the case.
recall-next-recalled = The platform confirmed the recall for everybody; the case is over.
recall-next-recall-accepted = The platform accepted the recall for everybody; the case is over. The platform does not confirm that it is gone from each device.
recall-next-partly-recalled = Only a part was recalled; the rest needs remediation.
recall-next-failed = It could not be recalled; remediation is next.
recall-next-rejected = The request was rejected; the case is over.
recall-next-withdrawn = The requester withdrew the request; the case is over.
recall-next-expired = The deadline has passed; nothing can be decided any more, remediation is next.
recall-next-superseded = A newer case took the place of this one.

recall-mode = Execution

recall-total = { $n ->
    [one] { $n_text } case
   *[other] { $n_text } cases
 }
recall-more = More than { $n_text } cases
recall-state-open = In progress
recall-state-carried = Carried out
recall-department = Department
recall-keyword = Title, requester or number
recall-filter-department = One department
recall-filter-requester = One person
recall-filter-ended = ended from { $day }
recall-filter-ended-until = ended until { $day }
recall-looked-down = The keyword was looked for back to { $at }; older cases have not been searched yet
recall-looked-up = The keyword was looked for up to { $at }; newer cases have not been searched yet
recall-filter = Filter recall cases
recall-filter-from = from { $day }
recall-filter-until = until { $day }
recall-filter-number = number begins with “{ $number }”
recall-from = Requested from
recall-until-day = Requested until
recall-any = All
recall-search = Search
recall-table = Table of cases
recall-results = Results
recall-order = By time of request, newest first
recall-list-note = All cases that you may see { $zone }
recall-none = No recall cases yet
recall-none-help = When something was sent by mistake, open the message under Broadcasts and ask for its recall.
recall-none-found = No case matches
recall-none-found-help = Widen or clear the filters.

approvals-count = { $n ->
    [one] { $n_text } case waits
   *[other] { $n_text } cases wait
 }
approvals-queue = Waiting for me
approvals-order = Least time left first
approvals-none = Nothing waits
approvals-none-help = Cases that wait for you appear here.
recall-task-confirm = Captures to confirm
recall-task-carry-out = To be carried out
recall-task-resubmit = More information wanted

recall-new = Ask for a recall
recall-new-heading = Ask for a recall: { $title }
recall-sent-through = Sent through { $channel }
recall-why = Reason
recall-why-help = Goes into the audit trail and cannot be changed later
field-recall-category = Harm class
field-category = Harm class
field-recall-reason = What happened
field-basis = Rule it rests on
field-recall-basis = Rule it rests on
field-recall-tell-readers = Suggest telling readers that it was withdrawn, when, and under which rule
field-broadcast = Message
hint-recall-reason = 4 to 500 characters: what was sent by mistake, and who should not have it
hint-recall-basis = To the clause, e.g. Information Release Rules, article 14 (2)
recall-next-check = Next: check the request
recall-check = Check the request
recall-check-help = It cannot be changed after submission
recall-submit = Submit the request
recall-change = Back to change it
recall-none-given = Not given
recall-readers = Readers
recall-readers-told = To be told, if legal review agrees
recall-readers-not-told = Telling not suggested; legal review decides
recall-path = Path
recall-open-already = This message already has an open recall case; please go on there.
recall-impossible = A recall cannot be asked for now
recall-impossible-help = The reasons are beside. What cannot be recalled needs a correction soon, and counsel.

recall-feasibility = Feasibility
verdict-api = Forced recall is possible
verdict-api-help = After three approvals we call the platform's API
verdict-guided = Guided recall is possible
verdict-guided-help = The API cannot recall it; once approved, a platform operator acts in the platform's console
verdict-none = It cannot be recalled
verdict-none-help = Only remediation is left
obstacle-not-sent = The message has not been sent
obstacle-window-closed = The recall window closed at { $at }
obstacle-nobody = Nobody is eligible at { $level }; ask the security administrator to appoint somebody
obstacle-too-few = Three different people must decide, and there are not enough
recall-last-useful = Last useful moment
recall-nobody = Nobody eligible
recall-no-limit = No limit by the platform
recall-rule-window = Platform's recall window
recall-rule-clock = Clock
recall-clock-server = Server time
recall-rule-reading = Reading state
recall-reading-told = Told by the platform
recall-reading-untold = Not told by the platform
recall-untold = Not told by the platform
recall-residue = What may remain after a recall

recall-progress = Progress
recall-step-submitted = Request
recall-step-execution = Execution
recall-step-runs-itself = Runs once approved
recall-step-by-operator = By the platform operator once approved
recall-step-waits = To be decided
recall-step-took = { $at }, took { $took }
recall-made-approve = approved
recall-made-return = returned it
recall-made-reject = rejected it
recall-request = The request
recall-evidence = Export evidence
recall-earlier-round = Round { $round } said
recall-halted = Why it was halted
recall-halted-now = Halted: nothing more is approved and no further call goes to the platform.
recall-stated = Result stated
recall-stated-accepted = The platform's console shows it as recalled
recall-stated-still-visible = Still visible
recall-stated-unknown = Cannot tell
recall-stated-failed = Could not be recalled
recall-impact = Impact
recall-fact-accepted = Accepted by the platform
recall-fact-read = Read
recall-fact-recallable = Can be recalled
recall-fact-refused = Not accepted
recall-fact-visible = Still visible or failed
recall-conditions = Conditions
check-holds = holds
check-note = note
check-fails = does not hold
check-window-yes = Inside the recall window
check-window-no = The recall window has closed
check-people-yes = All people involved differ
check-people-no = Somebody appears twice
check-levels-yes = All three levels approved
check-levels-no = Not all three levels have approved
check-sealed-yes = Message and recipients are sealed
check-sealed-no = The message differs from the case record
check-halt-yes = Not halted
check-halt-no = Halted
check-read-back-yes = The platform can be read back
check-read-back-no = The platform cannot be read back: the outcome is at best “accepted by the platform”
recall-captures = Captures
recall-original = Original message
recall-sealed = Original sealed
recall-second-factor-reset = On the day of this decision ({ $at }) the authenticator of { $who } was reset: proposed by { $proposed }, confirmed by { $confirmed }. Make sure that the decision was theirs.
recall-content-hidden = Your role does not read message contents.
recall-content-closed = Open the case to read the message. Reading it is recorded.
recall-commitment = Message commitment
recall-broadcast = Show the broadcast
recall-timeline = Audit timeline
recall-events = { $n ->
    [one] { $n_text } event
   *[other] { $n_text } events
 }
recall-all-events = Show all events
recall-newest-only = Only the newest are shown
recall-news = Something has happened in this case
recall-news-help = This page shows the case as it was when you opened it. What you have typed stays here until you leave the page.
recall-news-see = Show the case as it is now
recall-gone = You are signed out
recall-gone-help = Nothing can be submitted from this page any more. Copy what you have typed, then sign in again.
recall-event-index = No. { $index }
recall-device = device { $code }
recall-said = { $what }: “{ $said }”
call-result-ok = success
call-result-refused = refused by the platform
call-result-rate-limited = platform asks for fewer calls
call-result-not-reached = platform not reached
call-result-unknown = effect unknown
call-result-unauthorized = credentials not accepted
call-result-unsupported = not supported by the platform
call-result-lost = no answer recorded

decision-title = Your decision
decision-where = Where it stands
decision-choice-approve = Approve, on to the next level
decision-choice-approve-last = Approve and recall at once
decision-choice-return = Return for more information
decision-choice-reject = Reject the request
decision-kept = Your comment was not submitted; here it is:
decision-submit = Submit the decision
decision-binds = The summary that your decision binds
field-decision-decision = Decision
field-decision-comment = Comment
hint-decision-comment = Required, 4 to 500 characters; cannot be changed in the trail
recall-warning = { $n ->
    [one] If you approve, the platform is told to take the message back from { $n_text } person. This cannot be undone.
   *[other] If you approve, the platform is told to take the message back from { $n_text } people. This cannot be undone.
 }
recall-not-yours = You have no role that decides this case.
recall-who-can = Now with { $level }: { $who }
recall-who-nobody = Nobody is eligible at { $level }; ask the security administrator to appoint somebody.

resubmission-title = Complete and resubmit
resubmission-submit = Resubmit
withdrawal-title = Withdraw the request
withdrawal-help = The case ends and the message is not recalled.
withdrawal-submit = Withdraw
field-withdrawal-reason = Reason for withdrawing
capture-title = Act in the console and prove it
capture-help = Recall the message in the platform's console first, then upload a capture and state truthfully what came of it.
capture-submit = Upload the capture
field-capture-capture = Capture
hint-capture-capture = PNG, JPEG or WebP, at most 10 MB
field-capture-outcome = Result
field-capture-note = What you did
capture-uploaded = uploaded by { $by } on { $at }, to be confirmed by a second person
capture-confirmed = uploaded by { $by }, confirmed by { $name }
confirmation-title = Confirm the result
confirmation-help = Look at the captures. What you saw may be worse than what the operator stated, never better.
confirmation-submit = Confirm
field-confirmation-outcome = What you saw
field-confirmation-note = Note
halt-title = Halt
halt-help = Nothing more is approved and no further call goes to the platform; what was called stays called.
halt-submit = Halt this case
field-halt-reason = Why it is halted

receipt-title = Receipt
receipt-heading = Recorded
receipt-action = Action
receipt-event = Event
receipt-index = Index in the log
receipt-pending = Recorded; the index follows
receipt-at = Time
receipt-next = What comes next
receipt-back = Back to the case
receipt-print = Print this page to keep it

error-trivial = Say what happened; punctuation or repeated characters do not
error-picture = Upload a picture
error-totp-code-wrong = The code is not right; check it and enter it again
error-totp-code-spent = This code has been used; wait for the next one
error-totp-required = Enter the 6-digit code

refusal-better-than-stated = What is confirmed cannot be better than what the operator stated
refusal-case-open = This message already has the open case { $number }
refusal-already-recalled = This message has been recalled already
refusal-not-sent = The message has not been sent
refusal-original-not-sealed = The original cannot be verified, so no recall can be asked for; tell the system administrator
refusal-person-needed = A person must ask for a recall
recall-heading-guided = Guided recall: { $title }
recall-next-approved-guided = All three levels approved; a platform operator is to act in the platform's console.
recall-next-executing-guided = The platform operator uploaded captures; another person is to confirm the result.
recall-waits-witnesses = Approved, and waiting for the witnesses since { $since }: the recall starts as soon as enough of them have seen the last approval, at the latest at { $until }.
recall-waits-witnesses-on = Approved, and waiting for the witnesses since { $since }: the recall starts as soon as enough of them have seen the last approval, and not without them.
recall-unauthorized = The platform does not accept this connection's credentials ({ $code }); the recall is not complete. We go on trying until the window closes; a system administrator should update the connection's secret now.
recall-unauthorized-open = The platform does not accept this connection's credentials ({ $code }); the recall is not complete. We go on trying; a system administrator should update the connection's secret now.
recall-step-not-run = Not executed
recall-reads = { $n ->
    [one] The original was read { $n_text } time
   *[other] The original was read { $n_text } times
 }
recall-all-reads = Show all of them in the audit trail
verdict-open = Already asked for
verdict-open-help = A message has one open recall case at a time
recall-open-go = Go to { $number }
withdrawal-open = The recall is no longer needed
halt-open = Halt this case
