# Evidence: export and verification

evidence-about = Bundles sealed by themselves when a case closed, and copies exported for a purpose
evidence-of-case = Evidence of this case
evidence-case-title = Evidence of { $number }
evidence-bundle = Evidence bundle
evidence-bundles = Bundles
evidence-table = Table of evidence bundles
evidence-number = Number
evidence-kind = Kind
evidence-at = Made
evidence-size = Size
evidence-order = Newest first
evidence-none = No evidence bundle yet
evidence-none-help = One is sealed when a case closes; others can be exported for a purpose at any time.
evidence-export = Export evidence
evidence-export-note = The purpose goes into the audit trail
evidence-make = Make the evidence bundle
evidence-made = The evidence bundle is ready for download
evidence-with-content = The message and its files go into the bundle.
evidence-without-content = You may not read contents: the message and its files stay out; their commitment and the reason go in.
evidence-case = Case
evidence-format = Format
evidence-format-value = BagIt 1.0 in a ZIP
evidence-log-size = Events in the log
evidence-content = Message and files
evidence-content-in = Included
evidence-content-withheld = Withheld, with the reason
evidence-download = Download
evidence-download-not = This bundle holds contents, which you may not read, so you cannot download it. Export one without contents instead.
evidence-check-self = Check it yourself
evidence-check-note = This needs coreutils, OpenSSL 3.0 and Python 3; no network, and not this system. All steps are in data/VERIFY.en.md inside the bundle.

evidence-verification = Verify a bundle
evidence-verification-about = Checked with this system's log key; the file is not kept, only its hash and the answer
evidence-upload = Upload a bundle
evidence-verify = Verify
evidence-result = Result
evidence-checks-table = Table of checks
evidence-check = Check
evidence-expected = Expected
evidence-actual = Actual
evidence-answer = Result
evidence-counts = { $passed } passed, { $failed } failed, { $unknown } could not be told. The file was not kept.

bundle-archive = Sealed at closing
bundle-full = Exported with contents
bundle-masked = Exported without contents

field-evidence-case = Case number
hint-evidence-case = For example FR-20261122-0001
field-evidence-purpose = Purpose
hint-evidence-purpose = For example labour arbitration, a civil suit, a regulator's request or an internal audit, with its reference number
field-verification-bundle = Evidence bundle (ZIP)
hint-verification-bundle = At most 10 MB; verify larger files with countermand evidence verify
error-case-unknown = There is no such case

verify-result-pass = Holds
verify-result-fail = Does not hold
verify-result-unknown = Cannot be told
verify-help-pass = Every check holds, and the log key is this system's
verify-help-fail = Some checks do not hold; they come first in the table
verify-help-unknown = Nothing is wrong, but some checks could not be decided

verify-container = Container
verify-file-present = Files present
verify-bag-declaration = BagIt declaration
verify-file-hashes = File hashes
verify-tag-files-complete = Tag files complete
verify-payload-complete = Manifest complete
verify-no-other-files = No other files
verify-format = Format version
verify-report = Machine-readable report
verify-number = Bundle number
verify-payload-oxum = Bytes and files in total
verify-bag-number = Number in the tags
verify-report-files = Files listed in the report
verify-withheld = Withheld contents
verify-proof-count = Number of proofs
verify-line-ends = Line ends
verify-leaves = Exact bytes of events
verify-leaf-hashes = Leaf hashes
verify-inclusion = Inclusion proofs
verify-commitments = Contents and commitments
verify-log-key = Log key
verify-log-key-file = Key file
verify-certificate = Certificate signature
verify-checkpoint-signature = Checkpoint signature
verify-checkpoint-text = Checkpoint text
verify-raw-signature = Raw signature file
verify-bundle-signature = Signature over the bundle
verify-checkpoint-facts = Checkpoint and report
verify-case-facts = Facts of the case against the log
verify-case-closed = Count and hash at closing
verify-decisions = Decisions
verify-separation = Three different people
verify-message = Message
verify-attachments = Files of the case
verify-view = Tables against the log
verify-recipients = Set of recipients
verify-tally = Outcomes counted
verify-environment = Environment
error-log-size = The log does not hold that many events; at most { $max }
evidence-passed = { $n ->
    [one] Show the { $n_text } check that holds
   *[other] Show the { $n_text } checks that hold
 }
error-log-size-early = At that size the log knows nothing of this case yet; its first event has the index { $first }
