# Passkeys and recovery codes.
passkeys-title = Passkeys
passkeys-about = A passkey lives in your device and is confirmed by fingerprint, face or the device's PIN. It can take the place of the one-time code; at a decision it signs exactly what you were shown.
passkeys-own = Your passkeys
passkeys-none = No passkey has been added.
passkeys-count = { $n ->
    [one] One passkey
   *[other] { $n_text } passkeys
}
passkeys-manage = Passkeys and recovery codes
passkeys-back = Back to the passkeys
passkey-kind = Kind
passkey-synced = Synced between devices
passkey-bound = Bound to one device
passkey-made = Added
passkey-unused = Not used yet
passkey-use = Use a passkey
passkey-add = Add a passkey
passkey-added = The passkey is added
passkey-remove = Remove a passkey
passkey-remove-about = It can no longer sign in or sign decisions; what it has signed stays valid and can still be verified.
passkey-removed = The passkey is removed
passkey-failed = No answer from a passkey. Try again, or use the one-time code.
passkey-needs-script = Adding a passkey needs scripts in the browser. Without them the one-time code serves.
passkey-no-host = This server is reached by an IP address, where browsers allow no passkeys. Use an address with a name.
recovery-title = Recovery codes
recovery-about = With neither phone nor passkey at hand, a recovery code signs you in; each works once. They serve neither decisions nor exports.
recovery-left = { $n ->
    [one] One recovery code left
   *[other] { $n_text } recovery codes left
}
recovery-make = Make new recovery codes
recovery-made = New recovery codes
recovery-once = Shown only this once; earlier codes no longer work.
recovery-print = Print them or write them down, and keep them apart from your password.
recovery-use = Sign in with a recovery code
field-passkey = Passkey
field-created = Passkey
field-recovery-code = Recovery code
error-passkey-stale = The page stood open too long, or this answer has been used; try again
error-passkey-unknown = This passkey does not belong to the account, or was removed
error-passkey-refused = The passkey's answer does not verify
error-passkey-needs-script = Adding a passkey needs scripts in the browser
error-passkey-known = This passkey has been added already
error-passkey-too-many = There are too many passkeys; remove one that is not used
refusal-passkey-stale = The page stood open too long, or this answer has been used. Try again.
refusal-passkey-unknown = This passkey is not known here, or was removed.
refusal-passkey-refused = The passkey's answer does not verify.
refusal-passkey-needs-script = Signing in by passkey needs scripts in the browser. Account, password and one-time code work without.
sign-check = Check and sign with a passkey
sign-title = Sign the decision
sign-about = Please check what follows. The passkey signs exactly this; if anything changes before it is recorded, the signature does not count.
sign-recipients = Recipients
sign-deadline = Recall by
sign-needs-script = A passkey needs scripts in the browser. Without them, submit with the one-time code below.
sign-by-code = Use the one-time code instead
sign-statement = The text that is signed
error-statement-changed = The decision or the case changed after it was signed; please check and sign it again
refusal-no-passkey = There is no passkey to sign with; use the one-time code.
refusal-passkey-gone = There is no such passkey in your account; it may have been removed.
