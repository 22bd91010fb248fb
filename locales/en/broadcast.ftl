# Broadcasts: list, sending, one broadcast
broadcast-new = Send a broadcast
broadcast-new-lead = Sent through a platform connection; the original is sealed and can be recalled
broadcast-form = The broadcast
broadcast-to-check = Next: check, then send
broadcast-check = Check the broadcast
broadcast-check-lead = Nothing has been sent yet; check who gets it and what it says
broadcast-check-all = This goes to everybody
broadcast-send = Send now
broadcast-edit = Back to the form
broadcast-submitted = Submitted; it is being sent.
broadcast-never-sent = Not sent
broadcast-not-yet = Not sent yet
broadcast-no-limit = No limit on this platform
broadcast-hidden-title = Title not visible
broadcast-hidden = Your role may not read contents.
broadcast-no-text = No text; see the pictures.
broadcast-recall = Recall
broadcast-cut-off = Must be approved before
broadcast-ask = Request a recall
broadcast-ask-not-yours = Your role cannot request a recall; ask a requester of the sender's department.
broadcast-no-recall = No recall can be requested now
broadcast-why-not-broadcast-sending = It is still being sent; ask again when that is done.
broadcast-why-not-broadcast-failed = The platform did not take this message; there is nothing to recall.
broadcast-why-not-window-closed = The recall window has closed. Send a correction, or ask recipients to delete it and not to forward it.
broadcast-why-not-already-recalled = It has been recalled.
broadcast-why-not-case-open = A recall case is open; see that case.
contents-erased = Erased after its retention period
contents-erased-event = See the record
contents-erased-note = The contents, the recipients and what was written in its cases are gone; numbers, times, outcomes and commitments stay.
recipients-erased = The recipients were erased after their retention period; how many there were stays.
broadcast-why-not-broadcast-erased = Its contents were erased after their retention period.
refusal-broadcast-erased = The contents of this broadcast were erased after their retention period
refusal-case-erased = The contents of this case were erased after their retention period; it can no longer be exported. Bundles sealed before are not affected
broadcast-said = What it says
broadcast-said-note = Reading it is recorded
broadcast-calls = Calls to the platform
broadcast-residue = What may remain after a recall
broadcast-bound = Sealed facts
broadcast-commitment = Commitment to the contents
broadcast-root = Root of the recipient set
broadcast-time-source = Source of the sending time
broadcast-origin = Origin
broadcast-origin-sent = Sent through Countermand
broadcast-origin-imported = Imported
broadcast-origin-reported = Reported by hand
broadcast-state-sending = Sending
broadcast-state-sent = Sent
broadcast-state-partly-sent = Partly sent
broadcast-state-failed = Sending failed

broadcasts-as-of = As of
broadcasts-filter = Filter broadcasts
broadcasts-from = Sent from
broadcasts-to = Sent until
broadcasts-platform = Platform
broadcasts-state = State
broadcasts-keyword = Keyword
broadcasts-count = { $n ->
    [one] { $n_text } broadcast on this page
   *[other] { $n_text } broadcasts on this page
 }
broadcasts-total = { $n ->
    [one] { $n_text } broadcast
   *[other] { $n_text } broadcasts
 }
broadcasts-more = More than { $n_text } broadcasts
broadcasts-none = No broadcasts yet
broadcasts-none-help = What is sent through Countermand, imported or reported appears here.
broadcasts-filtered = No broadcast matches
broadcasts-filtered-help = All are excluded by the filters above; remove them one by one.
broadcasts-rows = Results
broadcasts-order = Newest first
broadcasts-looked-down = The keyword was looked for back to { $at }; older broadcasts have not been searched yet
broadcasts-looked-up = The keyword was looked for up to { $at }; newer broadcasts have not been searched yet
broadcasts-look-on = Search on
filter-all = All
filter-apply = Search
choose = Choose

column-title = Title
column-channel = Channel
column-sender = Sender
column-sent-at = Sent
column-left = Window left
column-recipient = Recipient
column-delivery = Delivery
column-reading = Reading
column-outcome = Recall
column-call = Call
column-started = Started
column-result = Result
recipients-order = By the platform's ids
recipient-party = Department { $id } (its members are not told)
recipient-tag = Tag { $id } (its members are not told)
sender-unknown = Not known

fact-recipients = Recipients
fact-accepted = Accepted by the platform
fact-reported = Reported
fact-told = { $n ->
    [one] and { $n_text } by the importer's word
   *[other] and { $n_text } by the importer's word
 }
fact-refused = Refused by the platform
fact-unknown = { $n ->
    [one] and { $n_text } that cannot be told
   *[other] and { $n_text } that cannot be told
 }
fact-read = Read
reading-not-provided = Not provided by the platform
reading-read = Read
reading-unread = Unread
reading-unknown = Not known
outcome-none = Not recalled

delivery-accepted = Accepted by the platform
delivery-refused = Refused by the platform
delivery-unknown = Cannot be told
delivery-reported = By a person's word

time-source-request = Start of our request
time-source-platform-date = Time of the platform's answer
time-source-platform = The platform's record
time-source-imported = The importer's word
time-source-reported = The reporter's word

call-kind-send = Send
call-kind-recall = Recall
call-kind-read-back = Read back
call-kind-reading = Reading state
call-kind-fetch = Fetch
call-kind-members = Members
call-kind-test = Test
call-state-started = Made, no answer yet
call-state-answered = Answered
call-state-lost = Answer lost

residue-wecom-plugin = Copies in the WeChat plug-in are not removed
residue-local-cache = Local caches: about 12 hours on Android, 48 on iOS
residue-screenshots = Screenshots, for good; seen in about 38 % of mass sends
residue-federated-copies = Copies on other servers and clients can only be asked to go

field-broadcast-connection = Connection
field-broadcast-audience = Audience
field-broadcast-users = Member ids
hint-broadcast-users = The platform's ids, one a line or between commas
field-broadcast-parties = Department ids
field-broadcast-tags = Tag ids
field-broadcast-title = Title
field-broadcast-text = Text
audience-some = Some
audience-some-hint = By ids of members, departments or tags
audience-all = Everybody
audience-all-hint = All members whom the connection can see

error-twice = An id occurs twice
error-no-room = A Matrix message needs its room
content-unrecorded = Reading cannot be recorded at the moment, so the contents are not shown.
unmask-open = Open the message with a reason
unmask-about = Shown this once. Reason, person, time and device go into the audit trail.
unmask-submit = Open the message
field-unmasking-reason = Reason
hint-unmasking-reason = 10 to 500 characters: which audit or which check needs it
