# Escalation: a level was not decided in its time.
action-recall-escalated = Overdue level escalated
refusal-not-yet-overdue = This level is not overdue yet.

escalated-line = { $level } is overdue: a decision was due by { $due }. Whoever can decide it or a later level has been told, and so has the requester.
escalated-widened = By the rules of this case, anybody who holds the role of { $level } can now decide it, whatever their department and whoever it was transferred to.

policy-part-escalation = Escalation
policy-part-escalation-note = An overdue level always raises an alert and is told to reviewers and requester; time running out is never an approval
field-proposal-widen-overdue = Widen a level once it is overdue: anybody who holds its role can decide it, whatever their department and whoever it was transferred to
policy-widen-overdue = Once a level is overdue
policy-widen-overdue-yes = More reviewers can decide it
policy-widen-overdue-no = Alert and notice, the same reviewers

notice-escalated = Told that a level is overdue
mail-what-escalated = A recall review is overdue
mail-head-escalated = A level of a recall case was not decided in its time, and the recall window keeps closing. If this level is yours to decide, sign in and decide it now.

alert-rule-level-overdue = Review overdue
alert-meaning-level-overdue = A level of a case was not decided in its time. It still can be until the window closes.
alert-why-level-overdue = A level of a case is overdue.
