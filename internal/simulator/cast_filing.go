package simulator

import "net/netip"

// cut returns the nth part of that length of a block.
func cut(block netip.Prefix, bits, n int) netip.Prefix {
	at := block.Addr().As4()
	v := uint32(at[0])<<24 | uint32(at[1])<<16 | uint32(at[2])<<8 | uint32(at[3])
	v += uint32(n) << (32 - bits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), bits)
}

// castChains plants what sublease-chain must and must not find.
func (b *cast) castChains() {
	first := b.licensed(enterprise{id: "E441", name: "重庆山城数据有限公司", nameEN: "Shancheng Data", place: "500100"}, "B11")
	block := b.allocate(allocation{bits: 22, enterprise: first, use: "idc"})
	b.innocent(licenceMissing, "allocation", block.String(), "B11 is active")
	b.innocent(subleaseChain, "allocation", block.String(), "from the carrier: depth 1")

	second := b.licensed(enterprise{id: "E442", name: "重庆渝帆网络有限公司", nameEN: "Yufan Networks", place: "500100"}, "B11")
	let := b.allocate(allocation{prefix: cut(block, 24, 0), parent: block, enterprise: second, use: "idc"})
	b.innocent(licenceMissing, "allocation", let.String(), "B11 is active")
	b.must(subleaseChain, "allocation", let.String(), "idc block cut from an unrelated customer's: depth 2, licensed")

	b.enterprise(enterprise{id: "E443", name: "重庆缙云游戏有限公司", nameEN: "Jinyun Games", place: "500100"})
	let3 := b.allocate(allocation{prefix: cut(let, 26, 1), parent: let, enterprise: "E443", use: "idc"}).String()
	b.must(subleaseChain, "allocation", let3, "idc block at depth 3, and its holder has no licence")
	b.must(licenceMissing, "allocation", let3, "idc without any licence")

	sister := b.licensed(enterprise{id: "E444", name: "重庆山城云服务有限公司", nameEN: "Shancheng Cloud", place: "500100", parent: "E441"}, "B11")
	split := b.allocate(allocation{prefix: cut(block, 24, 1), parent: block, enterprise: sister, use: "idc"}).String()
	b.innocent(subleaseChain, "allocation", split, "split inside one group")
	b.innocent(licenceMissing, "allocation", split, "B11 is active")
	own := b.allocate(allocation{prefix: cut(block, 24, 2), parent: block, enterprise: first, use: "idc"}).String()
	b.innocent(subleaseChain, "allocation", own, "split inside the enterprise itself")
	b.innocent(licenceMissing, "allocation", own, "B11 is active")
	b.innocent(filingOutside, "allocation", own, "a more specific of the same holder inside its parent")

	b.enterprise(enterprise{id: "E445", name: "重庆嘉陵软件有限公司", nameEN: "Jialing Software", place: "500100"})
	office := b.allocate(allocation{prefix: cut(block, 24, 3), parent: block, enterprise: "E445", use: "enterprise"}).String()
	b.innocent(subleaseChain, "allocation", office, "cut from a customer's block, but for use enterprise")
	b.innocent(filingConflict, "allocation", office, "overlaps the block it is filed to be cut from")
}

// castFilings plants what filing-outside and filing-conflict must and must not
// find.
func (b *cast) castFilings() {
	for _, e := range []enterprise{
		{id: "E451", name: "福州闽榕商贸有限公司", nameEN: "Minrong Trading", place: "350100"},
		{id: "E452", name: "福州鼓山物流有限公司", nameEN: "Gushan Logistics", place: "350100"},
		{id: "E453", name: "福州闽榕电商有限公司", nameEN: "Minrong Commerce", place: "350100", parent: "E451"},
	} {
		b.enterprise(e)
	}
	foreign := b.allocate(allocation{prefix: netip.MustParsePrefix("33.90.4.0/24"), enterprise: "E451", use: "enterprise"}).String()
	b.must(filingOutside, "allocation", foreign, "outside every source block of the carrier")
	half := b.allocate(allocation{prefix: netip.MustParsePrefix("33.90.4.128/25"), enterprise: "E453", use: "enterprise"}).String()
	b.innocent(filingOutside, "allocation", half, "a more specific inside a block of the same group, which is judged itself")

	block := b.allocate(allocation{bits: 24, enterprise: "E451", use: "enterprise"})
	stray := b.allocate(allocation{bits: 26, parent: block, enterprise: "E452", use: "enterprise"}).String()
	b.must(filingOutside, "allocation", stray, "outside the parent it names")
	private := b.allocate(allocation{prefix: netip.MustParsePrefix("10.64.0.0/16"), enterprise: carrierID, use: "infrastructure"}).String()
	b.innocent(filingOutside, "allocation", private, "reserved space of the carrier's own management")

	later := b.allocate(allocation{prefix: cut(block, 26, 1), enterprise: "E452", use: "enterprise", from: b.day(-100)}).String()
	b.must(filingConflict, "allocation", later, "lies in a block of an unrelated holder and names no parent")
	whole := b.allocate(allocation{bits: 27, enterprise: "E451", use: "enterprise"})
	b.allocate(allocation{prefix: whole, enterprise: "E452", use: "enterprise", from: b.day(-50)})
	b.must(filingConflict, "allocation", whole.String(), "filed for two unrelated holders at once")
	b.innocent(filingConflict, "allocation", half, "overlaps a block of the same group")
	moved := b.allocate(allocation{bits: 27, enterprise: "E451", use: "enterprise", to: b.day(-6)})
	b.allocate(allocation{prefix: moved, enterprise: "E452", use: "enterprise", from: b.day(-5)})
	b.innocent(filingConflict, "allocation", moved.String(), "changed hands inside the span, one holder a day")
}
