# The frame of a page: title, navigation, paging, filters

product-name = 撤回有据
title-end = , Countermand
skip-to-main = Skip to main content
other-language = 中文
sign-out = Sign out

nav-label = Main
nav-overview = Overview
nav-broadcasts = Broadcasts
nav-recalls = Recall cases
nav-approvals = My tasks
nav-audit = Audit trail
nav-evidence = Evidence
nav-connections = Connections
nav-users = People and roles
nav-settings = System status
nav-waiting = Waiting
crumbs-label = Breadcrumb

readonly-about = About this account
readonly-account = Read-only auditor account
readonly-until = Valid until
readonly-then = {". "}
readonly-note = What you search, open and export is recorded too.

pager-label = Pages
pager-before = Previous
pager-after = Next

filters-active = Filters
filters-remove = , remove this filter
filters-clear = Clear all

table-region = { $name }, table

window-closed = Closed
people-count = { $n ->
    [one] { $n_text } person
   *[other] { $n_text } people
}
people-and-more = { $names } and others, { $total } in all

step-done = Done
step-now = In progress
step-todo = Not started
step-stopped = Ended
filters-fold = Filters
