# Overview and the state of the installation
home-waiting = Waiting for me
home-waiting-none = Nothing waits for you.
home-all = All of it
home-cases = Recent recall cases
home-case = Case
home-requester = Requester
home-broadcasts = Recent broadcasts
home-links = Where to go

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
