# Error pages

fault-home = Back to the overview
fault-id = Request id
fault-retry = { " " }Please try again in { $time }.

fault-400 = This request could not be understood
fault-400-help = It was incomplete or malformed. Please go back and try again.
fault-401 = Please sign in
fault-401-help = This needs a sign-in, or yours has expired.
fault-403 = Not allowed
fault-403-help = Your roles do not allow this. If you need it, ask the security administrator.
fault-404 = Page not found
fault-404-help = The address is wrong, or you are not allowed to see what is there.
fault-405 = This address does not work that way
fault-405-help = Please use the links and buttons of the pages.
fault-406 = Not in this form
fault-406-help = This cannot be given in a form that you accept. Please ask for application/json.
fault-409 = Something has changed meanwhile
fault-409-help = Somebody else has just acted, or the state no longer allows this. Please open the page again and check.
fault-413 = Too large
fault-413-help = Please submit less. A file may have up to 10 MB, one submission up to 20 MB in all.
fault-415 = The body is not readable here
fault-415-help = The body is not of the form that this address reads.
fault-422 = This cannot be done as submitted
fault-422-help = It was readable but breaks a rule. Please go back and correct it.
fault-429 = Too many requests
fault-429-help = To protect accounts and the system, your request was put off.
fault-500 = Something broke
fault-500-help = The action was not completed and nothing was written. Please try again later; if it still fails, give the request id to the system administrator.
fault-503 = Temporarily unavailable
fault-503-help = The system is busy or starting.

fault-csrf = The page was open for too long, or your sign-in has changed. To keep others from acting in your name, this was not accepted. Please go back, reload and submit again.
fault-origin = This was submitted from another site and was not accepted.
fault-file-too-large = The file is too large and was not uploaded. A file may have up to 10 MB, one submission up to 20 MB in all.
fault-field-too-large = The text is too long and was not submitted. Please shorten it and try again.
fault-read-only = A read-only auditor account cannot do this. The attempt has been recorded.
fault-csrf-title = This was not accepted
fault-origin-title = This was not accepted
fault-kept = What you typed is kept:
fault-again = Send again
fault-token = A valid bearer token is needed; this one is missing, revoked or expired.
fault-service-decides = Service tokens never decide. A person decides, with their own token and a fresh one-time code.
