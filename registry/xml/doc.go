// Package xml reads and writes the XML files in which carriers file addresses,
// and those of data centres, and makes ledgers of them: tables as package registry reads from
// CSV. Converting is a step of its own, before an import, because these files
// name enterprises by name, tell nothing of what a block is used for, and are
// worth a look before anything is judged by them.
//
// # IP filing
//
// The files of the interface specification for IP address filing (version
// V.3.0 of 2013; MIIT order 34 of 2005), in GBK, IPv4 addresses as unsigned
// integers of 32 bits. IPv6 and dotted addresses are read too, for files of
// later versions. The schema in our own words, containers between the root and
// the records being free:
//
//	UploadData
//	  IP
//	    Ly    source block:     Qsip Zzip (first and last address), Lydw (unit it came from)
//	    Fpsy  allocation:       Qsip Zzip, Fpfs (1 allocated and used, 2 allocated on, 3 own use,
//	                            4 reserved), Fpdx (unit, for 2), Syfs (1 static, 2 dynamic),
//	                            Fprq (date), Dwmc (user), Dwxz (nature), Shengid Shiid (place)
//	    Zdip  brought by users: as Fpsy
//	    Gbxx  broadcast:        Gbdw (announcer), Sqdw (applicant), Qsip Zzip
//	    Bbdw  unit:             Id, Dwmc (name), Shengid Shiid (place)
//
// Ly becomes sources, Fpsy and Zdip allocations, Gbxx broadcasts, and Bbdw and
// every Dwmc enterprises. Dynamic addresses become subscriber pools, own use
// infrastructure; for all else the use stays unknown, as the filing does not
// tell it. Reserved blocks are in no ledger.
//
// # Data centres
//
// Files like those of the information security management systems of data
// centres (YD/T 2248, 2405; element names as common implementations write
// them), in UTF-8 or GBK:
//
//	basicInfo
//	  newInfo or updateInfo
//	    idcId (licence number), idcName
//	    houseInfo   houseId, houseProvince houseCity, ipSegInfo*: startIp endIp type user useTime
//	    userInfo    id, unitName, unitNature, idType idNumber,
//	                serviceInfo*: regId, business (1 data centre, 2 access), domain* (its text, domainName or name),
//	                housesHoldInfo*: houseId, distributeTime, ipSeg*: startIp endIp,
//	                ipTrans*: internetIp (startIp endIp)
//
// The operator and its users become enterprises, the licence a licence for B11,
// blocks allocations, translated addresses translations, and domains with their
// filings icp_filings and icp_access.
//
// # What is left out
//
// Names of persons, their papers, telephone numbers and addresses are never
// taken; a user who is a person is one enterprise without a name. What is in no
// ledger is counted in a warning. Files are read as a stream: records, their
// size, depth and number are bounded, document type declarations are refused.
//
// # What is written
//
// WriteFilings writes IP filings of ledgers, in GBK and within the limits of the
// specification, WriteDatacentres the file of each who is licensed for data
// centres, and Validate checks files of both kinds strictly. What the
// specification has no element for is in the remark of a record, behind lw1: ids,
// uses, parents and last days. Converter takes it from there, so that what is
// written is read back to the same ledgers, persons excepted. Nothing is sent
// anywhere: handing files in is for the carrier.
//
// It imports registry and a decoder of character sets; only cmd may import it.
package xml
