demo-title = Accounts of the demonstration
demo-lead = They exist in the demonstration only. A code changes every 30 seconds and counts once; reload this page for a new one.
demo-inbox = What recipients see
demo-code = Present code
