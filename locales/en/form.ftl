# Forms: general words and errors

form-errors = { $n ->
    [one] One entry needs changing. Nothing was submitted.
   *[other] { $n_text } entries need changing. Nothing was submitted.
}
form-optional = optional

error-required = Please fill this in
error-choice = Please choose one
error-conflict = Something has changed meanwhile. Please check and submit again.
error-too-short = At least { $min } characters
error-too-short-now = At least { $min } characters, now { $now }
error-too-long = At most { $max } characters
error-too-long-now = At most { $max } characters, now { $now }
error-control = Contains characters that cannot be read. Please remove them.
error-number = Please enter a number
error-unknown = This does not exist. Please check.
error-exists = This is taken already
error-taken = This is taken already
error-no-such = Not found. Please check and enter it again.
error-off = This is switched off. Please choose another one.
error-choose = Please choose one
error-past = Choose today or a later day
error-too-many = At most { $max }
error-too-large = A file may have up to { $max } MB
error-empty-file = The file is empty. Please choose again.
error-not-a-picture = Only PNG, JPEG or WebP pictures
error-not-a-time = Please enter a time like 2026-11-22 17:30
error-in-future = This lies in the future
error-too-early = This is too long ago. Please check.
error-bad-id = This is not a valid id. Please check.
error-password-wrong = The password is not right
error-password-same = The new password is the old one
error-password-differs = The two passwords differ
error-password-contains-name = The password contains the account's name
error-password-guessable = This password is too easy to guess
error-username-characters = Lower-case letters, digits and . _ - @ only, beginning with a letter or digit
error-all-or-some = Choose either everybody or chosen people
error-nobody = Choose at least one recipient
error-text-or-picture = Give the text or a picture of it
error-too-many-bytes = Too long: at most { $max } bytes, now { $bytes }
error-cannot-send = This connection cannot send
error-code-spent = This code has been used. Please wait for the next one.
error-roles-exclude = One person may not hold these roles together
error-role-not-yours = You may not grant this role
error-service-decides = A service token never decides
error-scope-unknown = There is no such scope
error-base32 = Please enter a key in Base32
error-address = This is not a valid address
error-scheme = The address must begin with https://
error-clear = Only an address of this machine may go unencrypted
error-userinfo = The address must not hold a name or password
error-path = The address must not hold a path
error-distinguished-name = This is not a name like CN=Example Ltd Evidence,O=Example Ltd,C=CN
error-signing-key = This file holds no key that can sign: P-256, or RSA with 2048 bits or more, in PKCS#8 (BEGIN PRIVATE KEY)
error-signing-key-sm2 = This file holds no key of SM2 in PKCS#8 (BEGIN PRIVATE KEY)
error-no-request-sm2 = No key of SM2 waits for a certificate. Run countermand evidence key request --sm2 first, or give the key with --key
error-no-request = No key waits for a certificate. Run countermand evidence key request first, or give the key with --key
error-crl-unreadable = This is no usable revocation list: { $reason }
error-crl-stranger = This list is of no authority of the evidence certificate or of a timestamp authority: { $reason }
error-crl-signature = The signature of the list does not hold: { $reason }
error-crl-time = The list is not good now: from { $from } to { $until }
error-no-certificate = This file holds no certificate in PEM
error-certificate-unreadable = Certificate number { $number } of the file cannot be read
error-certificate-other-key = The first certificate belongs to another key than the one that was requested
error-certificate-order = Certificate number { $number } is not signed by the next one: the signer's comes first, then each authority's, the root's last
error-certificate-no-root = The last certificate is not a root: add the one that is signed by its own key
error-certificate-mixed = The certificates are not all of SM2, or some of them are: a signature by SM2 needs a chain of SM2 alone, and any other signature one without
error-certificate-usage = The certificate is not made for signing documents: its key usage must say digitalSignature or nonRepudiation, and an extended key usage, if there is one, documentSigning or emailProtection
error-certificate-validity = Not valid now: { $reason }
error-certificate-refused = The certificates do not hold: { $reason }
error-private = Private addresses are not allowed unless the settings say so

field-account = Account
field-password = Password
field-otp = One-time code
field-reason = What happened
hint-otp = Six digits from your authenticator; pasting works
form-refused = This could not be done; nothing was submitted
error-date = Enter a date, e.g. 2026-11-22
error-report-channel-required = Name the channel, or choose a connection below
error-verification-bundle-required = Choose the bundle to verify
error-scope-not-for-services = A service token made here cannot have this scope; if it is needed, whoever runs the server makes it on the command line
