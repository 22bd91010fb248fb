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
