# Lists as files, and views of them under a name.
list-export = Export CSV
list-mode-api = Platform API
list-mode-guided = Platform console
list-column-number = Case number
list-column-id = Id
list-column-title = Title
list-column-state = State
list-column-level = Open level
list-column-class = Harm class
list-column-mode = Execution
list-column-requester = Requester
list-column-recipients = Recipients
list-column-submitted-utc = Submitted (UTC)
list-column-submitted = Submitted (local)
list-column-due-utc = Level due (UTC)
list-column-due = Level due (local)
list-column-cut-off-utc = Cut-off (UTC)
list-column-cut-off = Cut-off (local)
list-column-zone = Time zone
list-column-channel = Channel
list-column-platform = Platform
list-column-origin = Origin
list-column-sender = Sender
list-column-sent-utc = Sent (UTC)
list-column-sent = Sent (local)
list-column-window-utc = Window closes (UTC)
list-column-window = Window closes (local)
list-column-broadcast-state = Sending
list-column-case = Recall case
list-column-case-state = State of the case
approvals-filter = Filter what waits
approvals-task = To do
approvals-left-late = Level overdue
approvals-left-hour = Closes within an hour
approvals-left-day = Closes within a day
approvals-left-later = Closes later, or never
approvals-none-found = Nothing that waits matches
approvals-looked = Looked for in the { $n_text } most urgent only.
views = Views
views-save = Save as a view
views-keep = Save
views-kept = The view is saved.
views-removed = The view is removed.
views-remove-named = Remove the view “{ $name }”
field-view-name = Name of the view
reminders-title = Remind of several cases
reminders-tick = Tick { $number }
reminders-send = Remind of the ticked cases
reminders-note = Whoever has to act on each case now is reminded, once an hour a level.
reminders-answer = Reminders
reminders-done = { $n ->
    [one] { $n_text } case was reminded of
   *[other] { $n_text } cases were reminded of
 }
reminders-refused = { $n ->
    [one] { $n_text } case was not
   *[other] { $n_text } cases were not
 }
reminders-back = Back to the cases
reminders-unknown = Unknown case
reminders-unknown-why = There is no such case, or you may not see it.
field-reminders-cases = Cases
error-reminders-cases-required = Please tick the cases first.
