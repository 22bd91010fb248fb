# Sign-in, accounts, people

sign-in-title = Sign in to Countermand
sign-in = Sign in
notice-recorded = Signing in and what you do are recorded with the network address (IP and port) and traits of browser and device (nine: platform, languages, time zone, screen, touch and the like), and kept { $days } days and at least six calendar months.
notice-purpose = They serve only to establish who did what, when and from where, and are purged after that. With scripts off, only the browser's request headers are recorded.

verification-title = Verify it is you
verification-submit = Verify and sign in
verification-other = Use another account
verification-lost = If you lost your authenticator, ask the system administrator and the security administrator: it takes both to reset it.

enrolment-title = Set up your authenticator
enrolment-about = Scan the code with an authenticator, or type the key, then enter the 6 digits it shows.
enrolment-qr = QR code for an authenticator
enrolment-key = Key
enrolment-submit = Set up and sign in

setup-title = Set up this installation
setup-about = This link works once. You become the system administrator and get invitations for the security and the audit administrator. The three administrations are held by three people.
setup-submit = Create the account
setup-done = The account is ready
setup-links = Hand each of these links to one colleague. They are shown only now, work once and within 72 hours.
setup-next = At the first sign-in you set up an authenticator.
invitation-title = Accept the invitation
invitation-about = This link works once. Choose your account.

field-username = Account
hint-username = Lower-case letters, digits and . _ - @, 2 to 64 characters
field-display-name = Name
field-password-again = Password again
field-new-password = New password
field-new-password-again = New password again
hint-new-password = At least 12 characters, without the account name; a sentence will do
field-totp = One-time code
hint-totp = The 6 digits in your authenticator; you can paste them
field-new-totp = Code of the new authenticator
field-department = Department
field-parent = Above it
field-roles = Roles
field-valid-until = Valid until
users-access-day = They can still sign in on that day; it ends at midnight { $zone }
field-name = Name
field-scopes = Permissions
field-lang = Language
field-theme = Appearance
theme-light = Light
theme-dark = Dark
language-zh = Simplified Chinese
language-en = English

error-code-wrong = The code is wrong or has expired

refusal-too-many = Too many attempts; try again in { $minutes } min
refusal-link-stale = The link does not exist, was used or has expired. Ask whoever sent it for a new one.

account-title = My account
account-sessions = Signed-in devices
account-device = Device
account-address = Address
account-opened = Signed in
account-seen = Last used
account-action = Action
account-here = This one
account-revoke = End session
account-session-revoked = That device has been signed out
account-password = Change password
account-password-present = Present password
account-password-submit = Change password
account-password-done = The password is changed; other devices are signed out
account-second-factor = Authenticator
account-second-factor-on = Set up. Signing in and each decision need its code.
account-second-factor-replace = Replace the authenticator
account-second-factor-present = Code of the present authenticator
account-second-factor-done = The authenticator is replaced
account-tokens = Personal access tokens
account-token-new = New token
account-token-made = The token is ready
account-token-once = The token is shown only now; store it somewhere safe. It uses the API as you, and decisions still need a code.
account-token-revoke = Revoke token
account-token-revoked = The token is revoked
account-token-over = No longer valid
account-made = Created
account-ends = Ends
account-preferences = Language and appearance
account-preferences-submit = Save
account-preferences-done = Saved
account-as-browser = As the browser says
account-back = Back to my account

users-people = People
users-department = Department
users-roles = Roles
users-state = State
users-no-role = No role yet
users-no-department = None
users-invite = Invite a person
users-invite-about = Hand the link to the person, who chooses account and password. The security administrator gives roles.
users-invited = Invitation
users-invited-about = Shown only now, works once and within 72 hours
users-department-new = New department
users-department-done = The department is there
users-second-factor-on = Authenticator set up
users-second-factor-off = No authenticator
users-own-roles = You cannot change your own roles.
users-roles-about = System, security and audit administration exclude each other; who decides holds no administration; the auditor is read-only and holds nothing else.
users-roles-submit = Save roles
users-access = Audit access
users-access-about = Read-only access for in-house or external auditors; it ends by itself. The account holds no other role.
users-access-give = Give access
users-access-end = End access
users-details = Name and department
users-details-submit = Save
users-suspend = Suspend account
users-suspend-about = Signs them out at once and ends their tokens. Records stay.
users-reinstate = Give the account back
users-changed = Saved

users-reset = Reset the authenticator
users-reset-about = It takes two: the system administrator proposes, the security administrator confirms within a day. The person is then signed out at once and sets up a new one at the next sign-in. Make sure it is them first, in person or by telephone.
users-reset-propose = Propose the reset
users-reset-proposed = Reset proposed:
users-reset-confirm = Confirm the reset
users-reset-waits = Waits for the security administrator
refusal-reset-not-proposed = No reset was proposed, or more than a day ago
refusal-reset-same-person = One person cannot both propose and confirm
users-search = Find people
users-search-label = Name or account
users-on-page = { $n ->
    [one] { $n_text } person on this page
   *[other] { $n_text } people on this page
 }
users-none = Nobody matches
users-none-help = Check how the name or account is written.
users-order = By account
personal-title = Personal data kept
personal-own = What is kept about me
personal-lead-own = What is kept about you, on what grounds and how long (Personal Information Protection Law, articles 17, 44 and 45). What has to be kept confidential by law is not listed; records may be kept longer where the law requires, such as in a dispute. To have something corrected, ask the system administrator.
personal-lead = What is kept about this person, on what grounds and how long: numbers and times, no contents.
personal-kept = What is kept
personal-kind = Kind
personal-count = Number
personal-oldest = Oldest
personal-basis = Ground
personal-until = Kept until
personal-erasure = Can it be erased
personal-no-date = No date
personal-recipients = Recipients of broadcasts are known by the platform's ids only, which are not linked with accounts here, so they are not listed.
personal-holds = Legal holds
personal-holds-none = No legal hold covers records of this person.
personal-held = { $n ->
    [one] keeps { $n_text } of these records
   *[other] keeps { $n_text } of these records
 }
personal-records = Audit records: { $class }
personal-commitments = Audit records whose contents were erased (commitments and leaves)
personal-account = Account and name
personal-roles = Roles
personal-mail-address = Mail address
personal-sessions = Sessions (address, browser)
personal-devices = Traits of devices
personal-tokens = Personal tokens
personal-passkeys = Passkeys
personal-recovery-codes = Recovery codes
personal-invitations = Invitations
personal-searches = Saved searches
personal-exports = Exports of the trail
personal-notices = Notices of cases
personal-broadcasts = Broadcasts sent
personal-requests = Recall requests
personal-decisions = Decisions taken
personal-attachments = Files uploaded or confirmed
personal-holds-placed = Legal holds proposed or confirmed
personal-audits = Audits opened
personal-questions = Audit questions
personal-packs = Audit packs requested
personal-alert-rules = Alert rules changed
personal-policies = Changes of the recall policy proposed or settled
personal-alerts = Alerts about them
personal-alerts-acknowledged = Alerts acknowledged
personal-basis-duty = A duty of the law: network logs (Cybersecurity Law), records of processing (Personal Information Protection Law, article 13 (3))
personal-basis-work = Needed to run accounts by lawful rules (Personal Information Protection Law, article 13 (2))
personal-basis-claims = Proof of what was done and on what grounds (Civil Code, article 188)
personal-erasure-due = Goes by itself after its time
personal-erasure-own = The person removes it at any time
personal-erasure-account = A suspended account keeps the name, so that a decision says who took it
personal-erasure-contents = What was written goes after its time; who, when and the outcome stay
personal-erasure-never = No: it proves who did what on what grounds
personal-no-time = Not dated

# Departments
nav-departments = Departments
departments-count = { $n ->
    [one] { $n_text } department
   *[other] { $n_text } departments
 }
departments-has = { $n ->
    [one] { $n_text } person
   *[other] { $n_text } people
 }
departments-people = People
departments-people-below = With sub-departments
departments-reviewers = Department reviewers
departments-nobody = Nobody reviews
departments-unreviewed = { $n ->
    [one] { $n_text } department has no reviewer
   *[other] { $n_text } departments have no reviewer
 }
departments-unreviewed-help = Messages sent from there cannot pass level 1, so a recall of them cannot be decided. The security administrator can make somebody there, or in a department above, a department reviewer.
departments-none = No departments yet
departments-none-help = A department reviewer decides only for their department and those below it: make the departments first, then put people in them.
departments-closed = Closed departments
departments-is-closed = Closed
departments-members = People
departments-no-people = Nobody is in this department.
departments-all-people = All people of it
departments-details = Name and place
departments-close = Close department
departments-close-about = It can be closed when no account in use, no open invitation, no sub-department and no open case is left. Its name stays in what happened there.
departments-closed-done = The department is closed
error-parent-cycle = A department cannot lie below itself
refusal-department-closed = The department is closed
refusal-department-people = Accounts or open invitations left in it: { $count }. Move them first.
refusal-department-below = Departments left below it: { $count }. Move or close them first.
refusal-department-cases = Cases still open: { $count }. It can be closed when they have ended.

# Sessions and tokens
nav-sessions = Sessions
nav-tokens = Tokens
access-sessions-about = Who is signed in, with what and from where. Ending a session works at once and needs a reason.
access-open = Signed in now
access-person = Person
access-none = No such session
access-none-help = The person is not signed in, or the session has ended.
access-all = All sessions
access-order = The last signed in first
access-end-all = End all of this person
access-end-all-about = Ends every session of the person. Of yourself, the present one stays.
access-of-person = Sessions of this person
access-ended = { $n ->
    [one] { $n_text } session ended
   *[other] { $n_text } sessions ended
 }
field-access-reason = Reason
hint-access-reason = 5 to 500 characters; it goes into the audit trail
tokens-about = The tokens of all people and services. What a token says is shown only when it is made.
tokens-none = No tokens
tokens-make = Make a service token
tokens-make-about = For a program that calls the API as a service: it acts for nobody and never decides. Tick only what it needs, and give it an end.
field-token-ends = Ends on
hint-token-ends = At the end of that day; without one it does not end
error-token-ends-future = Choose today or a later day
account-token-back = Back
tokens-none-help = People make theirs under “My account”; the system administrator makes those of services on this page.
tokens-owner = Owner
tokens-service = Service token
tokens-never-used = Never used
tokens-no-end = No end
tokens-over = Run out
tokens-endless = Never runs out
tokens-unused = Unused for 90 days
tokens-order = The last made first
users-any = Any
users-unused = No sign-in for 90 days
users-signed-in = Last sign-in
users-never-signed-in = Never signed in
