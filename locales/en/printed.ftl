## The printed report of a case (report.en.html in its bundle)

printed-title = Report on preserved electronic data
printed-number = No. { $number }
printed-foot = SHA-256 of the list of files { $digest }
printed-page = Page { $page } of { $pages }
printed-nothing = not recorded
printed-and = { $one }, { $two }
printed-quoted = “{ $text }”

printed-basis = 1. The case
printed-case = Case
printed-cause = Kind of harm
printed-reason = What happened
printed-rule = Rule relied on
printed-requester = Requester
printed-channel = Channel
printed-sent = Sent at
printed-sent-source-request = by the time of the request
printed-sent-source-platform-date = by the time of the platform’s answer
printed-sent-source-platform = as the platform tells
printed-sent-source-imported = as the import tells
printed-sent-source-reported = as whoever reported it tells
printed-state = Result of the case
printed-purpose = Purpose of this export
printed-kind-archive = Sealed by the system when the case closed
printed-kind-export = Not stated
printed-operator = Made by
printed-operator-user = Account
printed-operator-token = Service token
printed-operator-job = Job of the system
printed-operator-system = System
printed-operator-shell = Command line of the server
printed-made-at = Made at
printed-scope = Scope
printed-scope-said = { $events } audit events (those of this case between no. { $first } and no. { $last }), { $recipients } recipients, { $calls } calls to the platform
printed-left-out = Not included
printed-left-out-said = { $count ->
        [one] { $count } item, the reason in section 9
       *[other] { $count } items, the reason for each in section 9
    }

printed-source = 2. The system it comes from
printed-product = Product and version
printed-deployment = Deployment
printed-system = Environment
printed-clock = Source of time
printed-clock-said = { $source ->
        [server] the server’s clock
       *[other] { $source }
    }; local times are those of { $zone }

printed-conclusion = 3. How it was preserved, and how to check it
printed-finding = Preserved by
printed-finding-said = A proof from each record to a signed checkpoint of the log, which no change of a letter survives; whether all agree is for the check to say
printed-object = What was preserved
printed-object-said = { $files } files, { $size }, listed in section 8
printed-digest = Digest of the list
printed-fixed = Time of preservation
printed-stamped = a checkpoint of the log was stamped by { $authority } at { $time }; the timestamp over the bundle’s signature lies in the folder signatures
printed-unstamped = { $time } by the server’s clock; no third party has stamped the log
printed-check = Needed to check it
printed-check-said = coreutils and OpenSSL 3.0; no network, and not this system
printed-how = Anybody can check it with the commands in VERIFY.en.md. Where this report differs from the files, the files count.
printed-proves = This report proves what the system recorded and in which order, not what came before, nor who used an account. Further limits are in section 10.
printed-sign-operator = Signature of the operator
printed-sign-witness = Signature of the witness
printed-sign-date = Date
printed-sign-giver = Handed over by
printed-sign-taker = Received by

printed-course = 4. Course of events
printed-time = Time
printed-who = Person and role
printed-fact = Fact
printed-index = Log index
printed-reading-none = the platform does not tell who has read
printed-reading = { $read } have read, { $unread } have not
printed-became = What became of it
printed-course-rest = Events of reading, notices and exports are left out here; events.csv has them all.

printed-approvals = 5. Three levels of approval
printed-column-level = Level
printed-level-1 = 1 (department)
printed-level-2 = 2 (legal and compliance)
printed-level-3 = 3 (final)
printed-decision = Decision
printed-comment = Comment
printed-decided-at = Time and proof of identity
printed-origin = Address and device
printed-method-totp = one-time code
printed-method-passkey = passkey
printed-behalf = on behalf of { $name }
printed-purged = removed at the end of its retention period
printed-separate = Three different people approved at the three levels, and the requester took no part; each proved their identity for the decision.
printed-not-three = This case did not have the approval of three different people; section 4 tells what happened.

printed-results = 6. Outcome of the recall and reading
printed-what = Item
printed-value = Value
printed-people = People
printed-recipients = Recipients
printed-taken = Taken by the platform when sent
printed-read = Reading when this was made
printed-read-before = Read before the recall was ordered, at a known time
printed-outcome = Outcome of the recall
printed-outcome-confirmed = recall confirmed by the platform
printed-outcome-accepted = recall accepted by the platform
printed-outcome-unknown = unknown
printed-outcome-still-visible = downgraded, still visible
printed-outcome-failed = recall failed
printed-outcome-none = no recall was run
printed-accepted-means = “Accepted by the platform” means that it answered with success and offers no reading back for each person; it is not removal from each device.
printed-unknown-means = “Not known” is not unread: where the platform does not tell who has read, it is not known.

printed-integrity = 7. Integrity
printed-log = Audit log
printed-tree = RFC 6962 hash tree of { $size } events, { $proofs } inclusion proofs for the events of this case; its root is
printed-log-key = Public key of the log
printed-second-key = Second signature
printed-signer = Certificate that signed
printed-certificate = Serial number, validity, fingerprint
printed-unsigned = none, for the reason in section 10
printed-profile = Algorithms
printed-profile-gm = profile “gm”: beside the signatures above, every file below data/ is listed by SM3 and the bundle is signed by SM2 with the identity 1234567812345678
printed-profile-unsigned = the settings ask for the profile “gm”: every file below data/ is listed by SM3, but there is no SM2 signature, for the reason in section 10
printed-signer-sm2 = Certificate that signed by SM2
printed-certificate-sm2 = Its serial number, validity, fingerprint
printed-anchors = Timestamps of the log
printed-anchor = { $authority }, { $time }, over the first { $size } events
printed-no-anchors = none: no third party attests the state of the log at any time

printed-files = 8. Files
printed-files-how = The “SHA-256 of the list of files” at the foot of each page is that of the lines below; in the folder of the bundle it is worked out by:
printed-file = File
printed-bytes = Bytes
printed-sha256 = SHA-256

printed-withheld = 9. What is not included, and why
printed-what-withheld = What
printed-why = Why
printed-why-content-permission = whoever exported may not read the contents
printed-why-purged = removed at the end of its retention period
printed-why-erased = erased as the law demands
printed-why-key-lost = its key was missing after a restore
printed-why-missing = missing, and the log does not say why

printed-limits = 10. Limits of this evidence

printed-rules = 11. Rules of approval in force that day
printed-policy = Policy
printed-policy-said = { $id }, version { $version }
printed-levels = Approvers
printed-levels-said = three levels, at least { $count } different people
printed-budget = Time for each level in this class of harm
printed-reserve = Kept back for the execution
printed-cut-off = Latest approval
printed-windows = Recall windows adopted

printed-attachments = 12. Attachments
printed-kind = Kind
printed-kind-original = original
printed-kind-screenshot = screenshot
printed-kind-capture = capture
printed-name = Name
printed-uploaded = Uploaded at
printed-not-in = not included

printed-hand-over-notary = Annex 1. Hand-over form (notary)
printed-hand-over-examiner = Annex 2. Hand-over form (forensic examiner)
printed-hand-over-bundle = Bundle
printed-hand-over-zip = SHA-256 of the ZIP (in the .sha256 file of the same name)
printed-hand-over-medium = Medium, model and serial number
printed-hand-over-condition = Condition and number of the seal
printed-hand-over-to = Receiving office and person
printed-hand-over-reference = Its reference number
printed-hand-over-checked = Checked in the presence of both
printed-hand-over-boxes = □ digest of the ZIP agrees　□ VERIFY.en.md ran without a fault　□ medium sealed
printed-hand-over-when = Time and place of the hand-over
printed-hand-over-note = What happens after sealing cannot be written into the bundle: keep this page with it.
