# Why a request was refused
error-too-short = At least { $min } characters
error-too-long = At most { $max } characters
error-control = Contains characters that cannot be read; remove them
error-choose = Choose one
error-type = Wrong type: { $wanted ->
    [text] a string
    [list] a list
    [object] an object
    [flag] true or false
   *[number] a whole number
 } is wanted
error-unknown = There is no such member
error-json = Not a JSON object

fault-disk-full = The disk is full and nothing was written. Ask the system administrator to make room, then try again.
refusal-idempotency-key = An Idempotency-Key is 1 to 255 visible ASCII characters
refusal-idempotency-other = This Idempotency-Key was used for another request
refusal-idempotency-running = The same request is still running; repeat it with the same key in a moment
