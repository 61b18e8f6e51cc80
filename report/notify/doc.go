// Package notify makes the messages that tell people of findings, and keeps them
// until they are delivered: webhooks with a signature, the robots of WeCom,
// DingTalk and Feishu, syslog (RFC 5424) and mail (RFC 5322).
//
// It says what a finding is about and never who is a third party in it: only
// titles, rules, ids and places leave. It opens no HTTP connection; the caller
// posts what Post returns, and hands back what was answered. Who delivers, and
// for whom, is the caller's to decide.
package notify
