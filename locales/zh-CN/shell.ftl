# 页面框架：标题、导航、分页、筛选

product-name = 撤回有据
title-end = ，撤回有据 Countermand
skip-to-main = 跳至主要内容
other-language = English
sign-out = 退出

nav-label = 主导航
nav-overview = 总览
nav-broadcasts = 群发消息
nav-recalls = 撤回案件
nav-approvals = 待我处理
nav-audit = 审计记录
nav-evidence = 证据导出
nav-connections = 平台连接
nav-users = 人员与角色
nav-settings = 系统状态
nav-waiting = 待办
crumbs-label = 当前位置

readonly-about = 账号说明
readonly-account = 只读审计账号
readonly-until = 有效至
readonly-then = ，
readonly-note = 您的查询、打开与导出同样写入审计记录

pager-label = 分页
pager-before = 上一页
pager-after = 下一页

filters-active = 当前筛选
filters-remove = ，移除此条件
filters-clear = 全部清除

table-region = { $name }，表格

window-closed = 已截止
people-count = { $n_text } 人
people-and-more = { $names }等 { $total } 人

step-done = 已完成
step-now = 进行中
step-todo = 未开始
step-stopped = 已终止
filters-fold = 筛选条件
