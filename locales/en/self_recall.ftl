# Self-recall filings
self-recalls = Self-recall filings
self-recalls-lead = Messages that senders took back themselves in the client, filed afterwards; a second person checks what is still visible
self-recalls-none = No self-recall has been filed
self-recalls-none-help = When you have taken a message back yourself, file it from the message’s page; a message that is not known yet is reported first.
self-recalls-none-found = No filing matches
self-recall-total = { $n ->
    [one] { $n_text } filing
   *[other] { $n_text } filings
 }
self-recall-more = more than { $n_text } filings
self-recall-count = { $n ->
    [one] { $n_text } filing on this page
   *[other] { $n_text } filings on this page
 }
self-recall-order = Newest first
self-recall-new = File a self-recall
self-recall-lead = The sender has taken the message back in the client; filing it takes a minute
self-recall-one = Self-recall filing
self-recall-form = What to file
self-recall-facts = What was filed
self-recall-message = See the message
self-recall-number = Number
self-recall-channel = Channel
self-recall-filer = Filed by
self-recall-unknown = Unknown
self-recall-after = { $time } after sending
self-recall-file = File it
self-recall-said-filed = Filed. A second person has to check it.
self-recall-no-note = The filer added nothing
self-recall-check = Check what is still visible
self-recall-check-help = Look at the conversation as a recipient sees it. Whoever filed or sent the message does not check it.
self-recall-check-submit = Record what I saw
self-recall-said-checked = What you saw is recorded.
self-recall-checked = Result of the check
self-recall-checker = Checked by
self-recall-still-visible = The message is still visible
self-recall-still-visible-help = The self-recall did not reach everywhere. Ask for a recall soon.
self-recall-seen-gone = No longer visible
self-recall-seen-gone-hint = In none of the conversations that I looked at
self-recall-seen-visible = Still visible
self-recall-seen-visible-hint = In at least one place
self-recall-state-filed = To be checked
self-recall-state-gone = No longer visible
self-recall-state-visible = Still visible
self-recall-extent-whole = All of it
self-recall-extent-part = Only a part
self-recalls-of = Self-recall
self-recalls-of-help = Already taken back in the client? File it, so that a second person can check.
home-self-recalls = { $n ->
    [one] { $n_text } self-recall filed
   *[other] { $n_text } self-recalls filed
 } within { $days } days: { $gone } no longer visible, { $visible } still visible, { $filed } to be checked
field-self-recall-withdrawn-at = Taken back at
field-self-recall-extent = How much was taken back
field-self-recall-note = Note
hint-self-recall-note = For instance from which groups, and who may have seen it
field-check-seen = What did you see
field-check-note = Where did you look
hint-check-note = For instance: the all-staff group and the phones of two recipients
field-check-totp = One-time code
error-self-recall-withdrawn-at-before-sending = It cannot have been taken back before it was sent
error-self-recall-broadcast-unknown = There is no such message; file from the message’s page
error-self-recall-extent-choice = Choose how much was taken back
error-check-seen-choice = Choose what you saw
refusal-self-recall-waiting = A filing for this message waits for its check.
refusal-self-recall-gone = This message was filed, and checked to be no longer visible.
refusal-self-recall-case = A recall case for this message exists; comment there, or withdraw the request first.
refusal-self-recall-unsent = The message was never sent; there is nothing to file.
refusal-self-recall-sending = The message is still being sent; file it afterwards.
refusal-self-recall-own = Whoever filed or sent the message does not check it.
refusal-self-recall-checked = This filing has been checked.
refusal-self-recall-others = Reviewers and platform operators check it.
subject-self-recall = Self-recall filing
action-self-recall-filed = Filed a self-recall
action-self-recall-checked = Checked a self-recall
personal-self-recalls = Self-recalls filed or checked
control-self-recall = Self-recalls are filed and checked
control-self-recall-source = The company’s own rules for taking messages back
control-self-recall-how = A sender who took a message back in the client files it; a second person, neither filer nor sender, checks with a verification code what is still visible.
control-self-recall-test = Draw filings: filer, sender and checker differ, and the log agrees.
