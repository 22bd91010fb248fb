# Remediation plans: what is left to do where a recall came too late, was refused or was not complete

remediation-title = Remediation plan
remediation-none = No steps yet
remediation-proposed = Proposed steps and when they are due
remediation-add = Add a step
remediation-help = Without a due time of its own, a step is due by the catalogue, counted from the end of the case, or from now where that is past already. Deleting is asked of each recipient, and personal devices are never accessed. A formal statement is counsel’s.
remediation-finish = Report it done
remediation-drop = Drop a step
remediation-send = Write the correction; its title begins with the mark of one
remediation-tracked = tracked
remediation-set = Added by { $who }, { $at }
remediation-ended-done = Done by { $who }, { $at }: { $said }
remediation-ended-dropped = Dropped by { $who }, { $at }: { $said }
remediation-overdue = Overdue
remediation-state-open = Open
remediation-state-done = Done
remediation-state-dropped = Dropped
remediation-ending-stands = Nothing was recalled
remediation-ending-visible = Somebody is known to see it still
remediation-ending-unsure = Part of the outcome is not confirmed
remediation-ending-complete = All confirmed; copies may remain on devices
field-remediation-strategy = Step
field-remediation-owner = Owner
field-remediation-due = Due
field-remediation-note = Note
field-completion-step = Step
field-completion-done = What was done
field-dropping-step = Step
field-dropping-reason = Reason for dropping it
error-passed = This time has passed
error-too-far = At most a year ahead

refusal-remediation-not-ended = The case has not ended. A plan can be made once it has.
refusal-remediation-complete = Everything was confirmed recalled: you can only ask people to delete what remains on devices, or trace its spread.
remediation-held = A legal hold covers this case: deleting can neither be asked for nor reported done.
refusal-remediation-held = What this case is about has to be preserved by law: deleting can neither be asked for nor be reported done now. Counsel can tell you more.
refusal-remediation-not-planner = Level 2, the approver, counsel and the requester of this case plan what is left to do. Administrators do not.
refusal-remediation-not-owner = Only the owner can report a step done.
refusal-remediation-owner = That person cannot own the step: it takes somebody active who may read this case and is neither an administrator nor an auditor.
refusal-remediation-counsel = Only counsel can own a formal statement.
refusal-remediation-too-many = A plan has at most 100 steps.
refusal-remediation-ended = This step was done or dropped already.

action-remediation-step-added = Added a remediation step
action-remediation-step-done = Did a remediation step
action-remediation-step-dropped = Dropped a remediation step
personal-remediations = Steps of remediation plans that they added, own or ended
control-remediation = What a recall could not undo is remedied
control-remediation-source = The company’s own rules for taking messages back
control-remediation-how = Once a case has ended, a plan is made whose steps have an owner and are due by the catalogue; nobody is asked to delete what a legal hold covers.
control-remediation-test = Draw cases that were not recalled in full: steps were reported done by their owners, those dropped have a reason, and the log agrees.

remediations = Remediation steps
remediations-lead = What is still to be done where a recall came too late, was refused or was not complete; by whom, until when
remediations-none = There are no remediation steps
remediations-none-help = Once a case has ended, steps are added on its page, under “Remediation plan”.
remediations-none-found = No step matches
remediations-order = Newest first
remediation-total = { $n ->
    [one] { $n_text } step
   *[other] { $n_text } steps
 }
remediation-more = more than { $n_text } steps
remediation-count = { $n ->
    [one] { $n_text } step on this page
   *[other] { $n_text } steps on this page
 }
remediation-case = Case
remediation-ended = Ended
remediation-mine = Mine
remediation-show-open = Open
remediation-show-overdue = Overdue
remediation-show-done = Done
remediation-show-dropped = Dropped
mail-step-due = due { $due }
mail-step = { $due }; { $owner }
subject-remediation = Remediation step
mail-what-remedy = A remediation step is yours
mail-what-remedy-overdue = A remediation step is overdue
mail-head-remedy = A step of this case’s remediation plan is yours. Please do it in time, and report it on the case’s page.
mail-head-remedy-overdue = A step of this case’s remediation plan is overdue. Please see to it soon; who planned it drops, with a reason, what is not needed any more.
notice-remedy = Told of a remediation step
notice-remedy-overdue = Told that a remediation step is overdue
remediation-explained = What each of them is stands in the catalogue
