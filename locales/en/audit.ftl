# Audit trail

audit-unverified = Not wholly verified yet
audit-old = No whole verification for more than 26 hours
audit-old-help = The last one was at { $at }. It runs every night: check that the server runs its jobs.
audit-broken = The integrity check failed; do not rely on this record
audit-broken-help = The log's hashes do not agree with the signed checkpoint. Stop writing at once, preserve database and keys, and find the place with countermand ledger verify.
audit-size = { $n ->
    [one] { $n_text } event, up to
   *[other] { $n_text } events, up to
 }
audit-export = Export these results
audit-export-note = Each export goes into the audit trail
audit-export-csv = Export as CSV
audit-filter = Filter the audit trail
audit-from = From
audit-to = To
audit-actor = Person
audit-actor-hint = Name or id
audit-action = Action
audit-action-any = All actions
audit-case = Case
audit-case-hint = FR- number
audit-object = Object id
audit-address = Address or network
audit-outcome = Outcome
audit-outcome-any = All outcomes
audit-search = Search
audit-results = Results
audit-table = Table of audit events
audit-col-index = No.
audit-col-time = Time (with offset)
audit-col-actor = Person and role
audit-col-action = Action
audit-col-object = Object
audit-col-address = Address
audit-col-device = Device
audit-col-outcome = Outcome
audit-port = port { $port }
audit-page = { $n ->
    [one] { $n_text } event on this page, newest first
   *[other] { $n_text } events on this page, newest first
 }
audit-kept = { $n ->
    [one] Contents are kept for at least { $n_text } day, commitments and leaves for good
   *[other] Contents are kept for at least { $n_text } days, commitments and leaves for good
 }
audit-empty = Nothing matches
audit-empty-help = The filters exclude every event. Widen them, or clear them all and search again.
audit-error-query = The search has a mistake; mend it and search again
audit-chip = { $label }: { $value }

device-state-known = known
device-state-new = new device
device-state-changed = traits changed
device-state-absent = no traits given

event-title = Audit event { $index }: { $action }
event-crumb = Event { $index }
event-verified = Verified
event-unverified = Not verified
event-before = Previous
event-after = Next
event-parts = Contents and commitments
event-parts-note = Contents are purged when due; commitments stay for good
event-parts-table = Table of contents
event-part = Part
event-value = Contents
event-commitment = Commitment (salted SHA-256)
event-check = Check
event-holds = Matches
event-differs = Differs
event-purged = Purged when due
event-missing = Missing: no purge names it
event-unopened = Cannot be opened, key missing
event-masked = Repeats contents; only for those who may read them
event-no-parts = This event has no contents that can be purged
event-part-actor = Person and role
event-part-client = Network address
event-part-device = Device
event-part-detail = Details
event-part-text = Text as typed
event-part-shown = What was shown
event-part-platform = Platform's answer
event-changes = Before and after
event-changes-table = Table of changes
event-field = Field
event-was = Before
event-is = After
event-nothing = empty
event-proof = Inclusion proof
event-proof-note = { $n ->
    [one] Joined { $n_text } time from the leaf up to the signed root
   *[other] Joined { $n_text } times from the leaf up to the signed root
 }
event-proof-table = Table of the inclusion proof
event-path = Path
event-level = Level
event-sibling = Sibling joined
event-span = Events under the sibling
event-joined = Hash after joining
event-leaf-row = Leaf
event-this = This event
event-left = left
event-right = right
event-span-to = { $first } to { $last }
event-root-row = Root
event-root-fits = Agrees with the checkpoint
event-root-differs = Differs from the checkpoint
event-leaf = The leaf's exact bytes
event-leaf-note = { $n ->
    [one] RFC 8785 canonical JSON, { $n_text } byte
   *[other] RFC 8785 canonical JSON, { $n_text } bytes
 }
event-commands = Check it yourself
event-commands-note = The first two steps need coreutils and xxd only, the third OpenSSL 3.0. Nothing here uses the network, or this system.
event-command-leaf = the leaf hash; it should be { $hash }
event-command-part = open a commitment, salt first, then value; in hexadecimal it should be { $hash }
event-command-signature = the checkpoint's signature
event-verdict = Verdict
event-intact = Unchanged
event-broken = Not to be relied on
event-sum-parts = { $n ->
    [one] { $n_text } commitment matches its contents
   *[other] { $n_text } commitments match their contents
 }
event-sum-purged = { $n ->
    [one] { $n_text } part was purged when due
   *[other] { $n_text } parts were purged when due
 }
event-sum-missing = { $n ->
    [one] { $n_text } part is missing, and no purge names it
   *[other] { $n_text } parts are missing, and no purge names them
 }
event-sum-unopened = { $n ->
    [one] { $n_text } part cannot be opened: a restore did not find its key
   *[other] { $n_text } parts cannot be opened: a restore did not find their key
}
event-sum-leaf = Leaf hash matches
event-sum-included = { $n ->
    [one] Included in the checkpoint, { $n_text } level
   *[other] Included in the checkpoint, { $n_text } levels
 }
event-sum-signed = Checkpoint signature holds, Ed25519
event-checkpoint = Checkpoint
event-log = Log
event-size = Events
event-root = Root hash
event-facts = Event
event-id = Id
event-session = Session
event-node = Node
event-case = Case

error-network = Give one address, or a network with the length of its mask, such as 10.24.0.0/16 or 2001:db8::/32
field-audit-from = From
field-audit-to = To
field-audit-address = Address or network
field-audit-case = Case
event-long = { $n ->
    [one] Show { $n_text } character
   *[other] Show { $n_text } characters
 }

actor-anonymous = Nobody signed in
actor-shell = Command line
subject-audit = Audit
subject-audit-pack = Auditor's pack
subject-import = Import
subject-evidence-key = Evidence key
subject-revocation-list = Certificate revocation list
subject-hold = Legal hold
subject-policy = Recall policy
subject-log-key = Log keys
subject-notice = Notice
subject-part-key = Part key
subject-question = Audit question
subject-backup = Backup
subject-broadcast = Broadcast
subject-bundle = Bundle
subject-timestamp = Timestamp
subject-checkpoint = Checkpoint
subject-connection = Connection
subject-database = Database
subject-department = Department
subject-event = Event
subject-evidence = Evidence
subject-invitation = Invitation
subject-list = List
subject-log = Log
subject-node = Node
subject-recall = Recall case
subject-route = Address
subject-search = Saved search
subject-session = Session
subject-setting = Setting
subject-job = Background job
subject-system = System
subject-token = Token
subject-user = Account
event-keep = Kept
event-keep-class = Retention class
event-keep-contents = Contents
event-keep-until = until
event-keep-leaf = Commitments and leaf
event-keep-forever = for good
event-keep-held = Yes, kept beyond its time
event-keep-free = None
audit-words = Words
audit-words-hint = Name, reason, number, address
audit-device = Device
audit-device-hint = Code of the device, such as 3F-A21C
audit-unread = The word index has not reached the newest records: from record { $index } on, a search by words does not find them yet. Searches by time, action or case are not affected.
error-wordless = Please give at least one letter, digit or Chinese character
field-audit-words = Words
field-audit-actor = Person
field-audit-object = Object
field-audit-device = Device
field-audit-action = Action
field-audit-outcome = Outcome
audit-verified = Verified up to record { $index } ({ $at })
audit-found = { $n ->
    [one] { $n_text } record
   *[other] { $n_text } records, newest first
}
audit-more = More than { $n_text } records, newest first
audit-export-jsonl = Export as JSONL
exports-recent = Exports of the last 24 hours
export-line = { $format }, { $at }
export-title = Export of the audit trail
export-what = What is exported
export-format = Format
export-search = Search
export-everything = Everything
export-size = Records in the log at that time
export-at = Exported at
export-progress = Progress
export-state-unknown = Nothing sent since the last start
export-state-begun = Not everything has been sent.
export-state-done = Everything has been sent.
export-sent = { $n ->
    [one] { $n_text } record sent.
   *[other] { $n_text } records sent.
}
export-on = Resume the download
export-until = Possible until
export-on-help = If a download breaks off, keep what has arrived and go on after the last complete record; then put the two parts together. A resumed CSV has no header row.
export-after = Number of the last complete record
export-after-hint = See the index column at the end of the file; leave it empty to begin anew.
export-go-on = Go on from here
export-whole = Download everything again
activity-title = Activity
activity-span = { $from } to { $until }
activity-part = Only the newest { $n_text } are counted.
activity-strip = Events over time
activity-week = Events by weekday and hour
activity-day = Weekday
weekday-monday = Mon
weekday-tuesday = Tue
weekday-wednesday = Wed
weekday-thursday = Thu
weekday-friday = Fri
weekday-saturday = Sat
weekday-sunday = Sun
searches-title = Saved searches
searches-note = Saving and removing are recorded
searches-none = Set a filter to save the search here for the next time.
searches-save = Save this search
searches-share = Share it with everybody who may read the audit trail
searches-shared = shared
searches-remove = Remove
searches-hold = Hold what it finds
searches-remove-named = Remove the search “{ $name }”
field-search-name = Name
search-error-query = Please mend the name and save again
refusal-searches-full = A person can save { $most } searches at most. Please remove one that is no longer needed.
field-export-format = Format
types-title = Event types
types-count = { $n ->
    [one] { $n_text } type
   *[other] { $n_text } types
}
types-lead = Everything that this system records, generated from its code.
types-privileged = Privileged actions
types-privileged-note = Each of them leaves an audit record
types-table = Event types
types-action = Action
types-who = By whom, on what
types-about = On: { $subjects }
types-says = What it records
types-fields = { $n ->
    [one] { $n_text } field
   *[other] { $n_text } fields
}
types-privilege = Privileged
types-kept = Kept
types-everyday = Everyday
privilege-why-contents = Opening the text, the files and the captures of a message
privilege-why-trail = Searching, reading and exporting the audit trail
privilege-why-evidence = Reading and exporting the evidence of cases, and managing legal holds
privilege-why-people = Managing other people's accounts, roles, sessions and second factors
privilege-why-administration = Managing connections, tokens, settings, retention, backups and the keys of the log
privilege-why-halt = Halting a recall that has been approved
privilege-why-oversight = Cases and broadcasts, looked at by administrators, auditors or programs
event-proof-help = Read from the bottom up: each step joins the hash so far with its neighbour's, up to the root. If that root is the one that the checkpoint signs, this record has been neither changed nor removed since.
event-command-log = recompute the whole log on the server
event-command-case = export the case's evidence and verify it offline; this is record { $index } of it
