# Keeping accounts: invitations
invitations-title = Invitations not taken up
invitations-count = { $n ->
    [one] { $n_text } open invitation
   *[other] { $n_text } open invitations
 }
invitations-about = Gone from here once taken up
invitations-for = For
invitations-unnamed = Not stated
invitations-by = Invited by
invitations-by-setup = First start
invitations-until = Valid until
invitations-open = Open
invitations-expired = Expired
invitations-again = Send again
invitations-again-about = Sending again makes a new link; the old one stops working at once.
invitations-revoke = Revoke
invitations-revoked = The invitation is revoked, its link no longer works
invitations-mailed = The link goes to { $address } by mail
invitations-went-before = This form was sent before and the invitations went out. Links are shown once; if you have not seen them, send them again below
invitations-more = Only the newest are listed; there are older ones.
invitations-none = No open invitations
invitations-none-help = Invitations stand here until they are taken up.
invitation-mail-none = Link was shown once
invitation-mail-waiting = Mail waits to be sent
invitation-mail-sent = Sent by mail
invitation-mail-failed = Mail not delivered
invitation-mail-subject = [Countermand] You are invited
invitation-mail-head = The system administrator invites you to Countermand. Please set up your account and password with the link below.
invitation-mail-open = Set up the account
invitation-mail-foot = The link works once; please do not pass it on. If this means nothing to you, ignore this mail.
field-invitation-name = Name
hint-invitation-name = To recognise the invitation in the list; they can change it when they accept
field-invitation-address = Mail address
hint-invitation-address = Where a mail server is set up, the link goes there; without an address it is shown once
error-invitation-address-not-an-address = This is not a mail address
refusal-invitation-over = This invitation was taken up or revoked
refusal-invitation-role = This invitation gives a role that is the security administrator's to give; the system administrator cannot send it again

# Before and after suspending somebody: what rests on them
users-suspend-look = See what waits for them, then suspend
users-suspended = The account is suspended
duties-title = What rests on this person
duties-about = Numbers and time left, no contents
duties-none = No case and nothing else waits for this person.
duties-what = Their part
duties-due = Time left
duties-no-end = No deadline
duties-others = Others who could
duties-nobody = Nobody else
duties-no-need = Not needed
duties-others-count = { $n ->
    [one] { $n_text } other person
   *[other] { $n_text } other people
 }
duties-levels = Levels this person can review
duties-stranded = Without this person, some of it could be done by nobody
duties-stranded-help = Have the security administrator name somebody else first, or have this person finish or withdraw what is theirs.
duties-confirm = Confirm the suspension
duties-told = Everybody else who can do what waits in these cases is told again.
duties-back = Back
duties-more = There are many running cases; these are only some.
duties-holds = { $n ->
    [one] { $n_text } legal hold proposed by them waits for a second person
   *[other] { $n_text } legal holds proposed by them wait for a second person
 }
duties-filings = { $n ->
    [one] { $n_text } self-recall filing that nobody has checked
   *[other] { $n_text } self-recall filings that nobody has checked
 }
duties-steps = { $n ->
    [one] { $n_text } remediation step is theirs
   *[other] { $n_text } remediation steps are theirs
 }
duties-questions = { $n ->
    [one] { $n_text } question of an auditor waits for their answer
   *[other] { $n_text } questions of auditors wait for their answer
 }
duties-proposal = A change of the recall rules that they proposed waits for confirmation
duty-request = Requester
duty-returned = Requester; to be completed and submitted again
duty-asked = Requester; to answer a reviewer
duty-carry-out = Recall in the platform's console
duty-confirm = Confirm the recall's result
duty-captured = Uploaded captures
refusal-duties-unseen = What rests on this person has changed. Please look at the list below and confirm again


# Jobs and backups
jobs-by-kind = Background jobs
jobs-kind = Job
jobs-waiting = Waiting
jobs-running = Running
jobs-failed = Failed
jobs-oldest = Oldest
jobs-next = Next attempt
jobs-none = No unfinished jobs
jobs-none-help = Jobs leave this page when they are done.
jobs-failed-ones = Failed jobs
jobs-failed-about = They are tried again by themselves, at the latest after a minute
jobs-attempts = Attempts
jobs-made = Made
jobs-why = Why it failed last
jobs-retry = Try again now
jobs-retried = It is tried again now
jobs-more = Only the oldest 100 are listed.
job-send-broadcast = Send a broadcast
job-check-import = Check an import
job-apply-import = Write an import
job-execute-recall = Carry out a recall
job-expire-recall = End of a recall's window
job-send-correction = Send the corrected message of a forced override
job-escalate-level = Escalate an overdue level
job-lapse-ratification = End the time of a ratification
job-send-delegation = Tell of a delegation
job-close-case = Close a case
job-tell-people = Find out whom to tell
job-send-notice = Send a notice of a case
job-send-invitation = Mail an invitation
job-tell-of-alert = Find out whom to alert
job-send-alert = Mail an alert
job-seal-evidence = Seal evidence
job-timestamp-checkpoint = Timestamp a checkpoint
job-timestamp-bundle = Timestamp evidence
job-renew-timestamps = Renew timestamps
job-verify-newest = Verify the newest records
job-verify-log = Verify the whole log
job-apply-retention = Purge what is due
job-make-audit-pack = Make an audit pack
job-watch-certificate = Look at the evidence certificate
job-retire-key = Retire a key
refusal-job-done = The job is done
refusal-job-running = The job is running
refusal-job-not-failed = The job has not failed; it runs when it is due
backup-last = Backups
backup-taken = Last backup
backup-size = Size of the file
backup-verified = Read back
backup-whole = Whole, as its manifest says
backup-broken = Not whole; take another one
backup-none = Never
backup-failed = Failed after that
backup-failed-help = Why, says the output of the command
backup-overdue = No backup for more than 7 days
backup-overdue-help = Run countermand backup on the server and keep the file on another machine.

# Inviting people by a list
newcomers-title = Invite by list
newcomers-lead = Upload a CSV list; each line is checked first, then all are invited at once
newcomers-table = Upload a list
newcomers-columns = The first line names the columns: name (required), address, department, roles. Roles are separated by semicolons and can only be empty or “Requester”; every other role is the security administrator's to give.
newcomers-file-hint = { $n ->
    [one] A CSV file with at most { $n_text } person
   *[other] A CSV file with at most { $n_text } people
 }
newcomers-check = Check the list
newcomers-report = Report
newcomers-line = Line
newcomers-result = Result
newcomers-line-good = Can be invited
newcomers-good = { $n ->
    [one] { $n_text } person can be invited
   *[other] All { $n_text } people can be invited
 }
newcomers-wrong = { $n ->
    [one] { $n_text } line is wrong
   *[other] { $n_text } lines are wrong
 }
newcomers-nothing-done = Nobody has been invited. Please mend the list and upload it again.
newcomers-confirm = Confirm the invitations
newcomers-confirm-about = The list is checked again then; if one line does not hold, nobody is invited.
newcomers-confirm-count = { $n ->
    [one] Invite this person
   *[other] Invite these { $n_text } people
 }
newcomers-done = Everybody is invited
newcomers-shown = Links
newcomers-mailed = By mail
field-newcomers-file = List
field-newcomers-name = Name
field-newcomers-address = Mail address
field-newcomers-department = Department
field-newcomers-roles = Roles
error-newcomers-address-not-an-address = This is not a mail address
error-too-many-people = The list is too long; at most { $max } people at once
error-bad-row = Line { $line } cannot be read
error-unknown-column = The column “{ $name }” is unknown or stands twice
error-no-name-column = The column “name” is missing
error-newcomers-address-twice = The same address as in line { $line }
error-invited-already = There is an open invitation to this address
error-has-account = This address belongs to an account
error-no-such-department = There is no such department, or it is closed
error-no-such-role = There is no role “{ $role }”
refusal-sheet-stale = The report has expired; please upload the list again
refusal-sheet-done = This list has been invited already
refusal-sheet-changed = Something has changed since the check. Nobody was invited; please upload the list again
