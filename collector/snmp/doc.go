// Package snmp polls the counters of interfaces of exporters, so that flows can
// be held against what the devices themselves have counted.
//
// Of each device these are read, by SNMP version 2c (RFC 3416) or version 3 with
// the user-based security model (RFC 3414, RFC 7860, RFC 3826):
//
//	sysUpTime                  whether the agent has restarted
//	ifXTable (RFC 2863)        ifName, ifAlias, ifHighSpeed, the 64-bit octets and
//	                           packets, ifCounterDiscontinuityTime
//	ifTable (RFC 2863)         ifType, discards and errors; ifSpeed and 32-bit
//	                           octets where a device has no ifXTable
//
// Devices are asked for reading alone. Each is polled at a time of its own within
// the interval, so that they are not all asked at once; as many at a time as there
// are workers. One that does not answer is asked less and less often, up to eight
// intervals apart.
//
// A Poller must not know how readings are stored: it hands them to a
// flows.CounterSink. Only exporters of the ledgers are polled. cmd/linewarden
// wires it up; nothing else imports it, and gosnmp is used nowhere else.
package snmp
