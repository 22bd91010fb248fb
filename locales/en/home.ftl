# Overview and the state of the installation
home-waiting = Waiting for me
home-waiting-none = Nothing waits for you.
home-cases = Recent recall cases
home-case = Case
home-requester = Requester
home-broadcasts = Recent broadcasts
home-links = Where to go
home-mine = My cases in progress
home-first = No recall cases yet
home-first-help = When something was sent by mistake, report it or find it under Broadcasts, then ask for its recall. Figures appear with the first case.
home-more = more than { $n_text }
home-close = { $n ->
    [one] { $n_text } close to the end of its window
   *[other] { $n_text } close to the end of their windows
 }
home-today = Ended today
home-today-note = { $done } carried out, { $other } not
home-median = Median time
home-of-window = { $share } of the window
home-success = Accepted or confirmed
home-none = none yet
home-days = last 30 days
home-days-title = Cases ended per day
home-days-note = last 30 days, by the day of the end
home-days-none = No cases in this time.
home-days-say = { $n ->
    [one] { $n_text } case ended in 30 days, { $carried } carried out; busiest on { $day } ({ $most })
   *[other] { $n_text } cases ended in 30 days, { $carried } carried out; busiest on { $day } ({ $most })
 }
home-table = Data table
home-date = Date
home-chart = Chart
home-leads-title = Lead time against the window
home-leads-none = No case has gone straight through the three levels yet.
home-leads-say = { $n ->
    [one] The { $n_text } case that went straight through took { $time }, { $share } of its window
   *[other] Of { $n_text } cases that went straight through, 90% took { $time } or less, and at most { $share } of the window
 }
home-level = Step
home-execution = Execution
home-p50 = Median
home-to-p90 = Up to P90
home-share = P90 of window
home-window = Window closes
home-outcomes-title = Outcomes by platform and class
home-outcomes-say = { $n ->
    [one] { $n_text } case ended; of { $carried } carried out, { $done } accepted or confirmed, { $failed } failed
   *[other] { $n_text } cases ended; of { $carried } carried out, { $done } accepted or confirmed, { $failed } failed
 }
home-kind = Platform or class
home-done = Accepted or confirmed
home-done-of = { $done } / { $all }
home-never = Not carried out
home-week-title = When recalls are requested
home-week-note = Requests of the last 13 weeks { $zone }
home-week-say = { $n ->
    [one] { $n_text } request in { $weeks } weeks; { $day } from { $hour } is the busiest hour ({ $most })
   *[other] { $n_text } requests in { $weeks } weeks; { $day } from { $hour } is the busiest hour ({ $most })
 }
home-log = State and log
home-last-event = Newest record
home-alerts = Alerts that wait

settings-installation = This installation
settings-version = Version
settings-database = Database
settings-sqlite = SQLite
settings-postgres = PostgreSQL
settings-public-url = Address
settings-https = Encrypted access
settings-private = Connections into the own network allowed
settings-retention = Audit parts are kept
settings-days = { $n ->
    [one] { $n_text } day
   *[other] { $n_text } days
 }
settings-yes = Yes
settings-no = No
settings-log = Audit log
settings-origin = Origin
settings-log-size = Events
settings-signed-size = Events under a signature
settings-pending = Waiting for an index
settings-jobs = Jobs
settings-jobs-waiting = Waiting
settings-jobs-failing = Of these, failed before and tried again
settings-disk = Disk
settings-disk-free = Free space of the data folder
settings-disk-unknown = unknown
settings-disk-full = Disk is full
settings-alarm-low = Little room is left on the disk
settings-alarm-low-help = Less than 1 GiB is free on the disk of the data folder. Once it is full, everything that cannot be recorded is refused. Make room or enlarge it soon.
settings-alarm-full = The disk is full; work has stopped
settings-alarm-full-help = What cannot be recorded is not done. Auditors can still sign in and read, from a reserve. Work goes on by itself when there is room; no restart is needed.
settings-witnesses = Witnesses
settings-cosigned = Enough have cosigned
settings-not-cosigned = Too few have cosigned
settings-witness-size = { $n ->
    [one] { $n_text } record
   *[other] { $n_text } records
}
settings-witness-never = has not cosigned yet
settings-witness-away = cannot be reached
settings-witness-refuses = does not cosign; see the audit trail
settings-witness-ahead = has seen more records than there are here: look into it at once
settings-witness-unsigned = its cosignature does not hold

# How our clock stands to others'.
clocks = Our clock against others
clocks-none = Other clocks
clocks-none-yet = Not compared with any since this process began
clocks-offset = { $median } s (worst { $worst } s)
clocks-measured = { $n ->
    [one] { $n_text } measurement, { $time }
   *[other] median of { $n_text } measurements, the last { $time }
 }
clock-authority = Timestamp authority
clock-witness = Witness
clock-platform = Connection
clock-server = Time server

first-steps = Getting started
first-steps-note = Gone from here once all of it is done
first-step-done = Done
first-step-missing = Missing
first-step-by = A task of the { $role }.
first-step-administrators = Three administrators
first-step-administrators-help = The two invitations that the set-up made have to be taken up by the security and the audit administrator themselves.
first-step-departments = Departments
first-step-departments-help = Department review follows the sender's department; without one nobody can review.
first-step-connection = A platform connection
first-step-connection-help = Address and credentials, then a test. Without one a wrong message can only be reported and recalled by hand in the platform's console.
first-step-requesters = Requesters
first-step-requesters-help = Invite them one by one or from a list.
first-step-reviewers = Reviewers at all three levels
first-step-reviewers-help = At least one each for department review, legal and compliance review and final approval, and different people.
first-step-backup = A first backup
first-step-backup-help = Run countermand backup on the server and keep the file on another machine.

errand-proposal = { $n ->
    [one] A change of the recall policy waits for your confirmation
   *[other] { $n_text } changes of the recall policy wait for your confirmation
}
errand-hold = { $n ->
    [one] A legal hold waits for a second person: you
   *[other] { $n_text } legal holds wait for a second person: you
}
errand-question = { $n ->
    [one] An auditor's question waits for your answer
   *[other] { $n_text } auditors' questions wait for your answer
}
errand-remedy = { $n ->
    [one] { $n_text } remediation step is yours to do
   *[other] { $n_text } remediation steps are yours to do
 }
errand-filing = { $n ->
    [one] A self-recall filing is to be checked
   *[other] { $n_text } self-recall filings are to be checked
}
home-cut = More cases ended in these 30 days than are counted: the charts are of the newest { $n }; earlier ones are not in them.
