# Timestamps by a third party
timestamps = Timestamps
timestamps-none = None
timestamps-none-help = Nobody outside attests the time of this bundle; its times come from this system's clock alone.
timestamps-not-configured = No timestamp authority is configured: nobody outside attests the log's time
timestamps-not-yet = Not obtained yet
timestamps-added = Added to each download, in the folder signatures
timestamps-added-until = Added to each download, in the folder signatures; holds by itself until { $until }
timestamps-renewed = Added to each download, in the folder signatures; renewed on { $time }, holds until { $until }
timestamps-revocation-unknown = { $note }. Revocation unknown: { $reason }
revocation-unknown-unnamed = the certificate names no revocation list, and none was imported
revocation-unknown-unreachable = the revocation list could not be had
revocation-unknown-unusable = the revocation list that was had could not be used
timestamps-first-end = First to run out
timestamps-over = Run out
timestamps-over-count = { $n ->
   [one] { $n_text } timestamp
  *[other] { $n_text } timestamps
 }
timestamps-over-help = Not renewed before their certificates ran out: what they cover is proven only by later timestamps
timestamps-sealed-hash = SHA-256 as sealed
timestamps-newest = { $time }, over { $size } events
timestamps-refused = { $n ->
    [one] { $reason } (asked once; will be asked again)
   *[other] { $reason } (asked { $n_text } times; will be asked again)
 }
timestamps-waiting = { $reason } (will be asked again)

timestamp-refusal-unreachable = The authority could not be reached, or gave no complete answer
timestamp-refusal-settings = The settings are wrong: the root or the policy cannot be used
timestamp-refusal-no-authority = No timestamp authority is configured that could renew it
timestamp-refusal-out-of-time = The new timestamp's time is not between that of the timestamps to be renewed and their end
timestamp-refusal-short-lived = The authority's certificate lasts no longer than the timestamp that is to be renewed
timestamp-refusal-too-long = The answer is too long
timestamp-refusal-malformed = The answer cannot be read
timestamp-refusal-status = The authority said no
timestamp-refusal-imprint = The token is over something else
timestamp-refusal-nonce = The token answers another question
timestamp-refusal-policy = The token was issued under a policy that was not asked for
timestamp-refusal-signers = The token has not exactly one signer
timestamp-refusal-no-certificate = The signer's certificate is not in the token
timestamp-refusal-message-digest = The token's contents do not fit their hash
timestamp-refusal-signature = The token's signature does not hold
timestamp-refusal-algorithm = The token uses an algorithm that is not spoken
timestamp-refusal-signing-certificate = The token does not name the certificate it was signed with
timestamp-refusal-purpose = The signer's certificate is not for timestamps alone
timestamp-refusal-validity = A certificate was not valid when the token was issued
timestamp-refusal-revoked = The certificate of the authority has been revoked
timestamp-refusal-not-an-authority = A certificate of the chain must not sign others
timestamp-refusal-extension = A certificate has a critical extension that is not understood
timestamp-refusal-untrusted = The certificate does not lead to a root that is trusted
