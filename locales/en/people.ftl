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
