// Package sflow decodes sFlow version 5 datagrams (sflow.org, sflow_version_5)
// into flow records.
//
// Each flow sample (formats 1 and 3, enterprise 0) is one record of one packet
// that stands for SamplingRate packets. The exporter is the agent address, the
// domain is the sub-agent id. Of the records of a sample these are read:
//
//	1     sampled header      all that flows/header finds, and Bytes
//	3, 4  sampled IPv4, IPv6  addresses, ports, flags, ToS and Bytes, where the
//	                          sampled header is absent, cut or not IP
//	1001  extended switch     SrcVLAN, DstVLAN, before the tags of the header
//	1002  extended router     NextHop
//	1003  extended gateway    SrcAS, DstAS, and NextHop where nothing else has it
//	1006  extended MPLS       MPLSLabel where the header has none, and NextHop
//	                          where the router record has none
//	1012  extended VLAN stack SrcVLAN where no switch record has it
//
// All other records are passed over by their length, as are samples of other
// formats. Among them is the discarded packet (format 5): it tells of a packet
// that was not carried, and may have been sampled as well. The fields drops and sample pool are passed
// over: they count since the start of the agent, per data source, and have no
// place in a record.
//
// Counter samples (formats 2 and 4) are counted, and their generic interface
// counters (format 1) handed on as flows.Counters. Port names (1005) and all
// other records of counters are passed over.
//
// sFlow has no clock but the milliseconds since the agent started. Start, End
// and Exported of a record are therefore its Received. A datagram without time
// of arrival gets the Unix epoch plus the agent's uptime: that depends on the
// bytes alone, keeps order and distance of the datagrams of an agent, and is
// not taken for a real date.
//
// The package knows no socket, clock or store. The collector and the commands
// use it; it may import flows and flows/header.
package sflow
