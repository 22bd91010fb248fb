# Forms: general words and errors

form-errors = { $n ->
    [one] One entry needs changing. Nothing was submitted.
   *[other] { $n_text } entries need changing. Nothing was submitted.
}
form-optional = optional

error-required = Please fill this in
error-choice = Please choose one
error-conflict = Something has changed meanwhile. Please check and submit again.
error-text-required = Please fill this in
error-text-too-short = At least { $min } characters, now { $now }
error-text-too-long = At most { $max } characters, now { $now }
error-text-control = Contains characters that cannot be read. Please remove them.

field-account = Account
field-password = Password
field-otp = One-time code
field-reason = What happened
hint-otp = Six digits from your authenticator; pasting works
