package simulator

import (
	"fmt"
	"net/netip"
)

// castTenants plants what sublease-tenants must and must not find.
func (b *cast) castTenants() {
	for i := range 5 {
		id := fmt.Sprintf("E%d", 651+i)
		b.enterprise(enterprise{id: id, name: fmt.Sprintf("长春租客第%d文化有限公司", i+1), nameEN: fmt.Sprintf("Tenant Culture %d", i+1), place: "220100"})
	}
	tenants := []string{"E651", "E652", "E653", "E654", "E655"}

	b.enterprise(enterprise{id: "E656", name: "长春二房东信息有限公司", nameEN: "Second Landlord", place: "220100"})
	block := b.allocate(allocation{bits: 26, enterprise: "E656", use: "enterprise"})
	b.hosted(block, "bieshu", tenants[:4])
	b.must(subleaseTenants, "allocation", block.String(), "sites filed by four unrelated enterprises in a block whose holder may not host")

	b.enterprise(enterprise{id: "E657", name: "长春隔间科技有限公司", nameEN: "Gejian Technology", place: "220100"})
	block = b.allocate(allocation{bits: 24, enterprise: "E657", use: "enterprise"})
	for i, tenant := range tenants[:4] {
		part := b.allocate(allocation{prefix: cut(block, 27, 2*i), parent: block, enterprise: tenant, use: "enterprise"}).String()
		b.innocent(subleaseChain, "allocation", part, "cut from a customer's block, but for use enterprise")
	}
	b.must(subleaseTenants, "allocation", block.String(), "four unrelated users filed on parts of a block whose holder may not host")

	b.enterprise(enterprise{id: "E658", name: "长春六楼网络有限公司", nameEN: "Sixth Floor Networks", place: "220100"})
	block = b.allocate(allocation{prefix: b.block6(), enterprise: "E658", use: "enterprise"})
	b.hosted(block, "liulou", tenants[1:])
	b.must(subleaseTenants, "allocation", block.String(), "sites of four unrelated enterprises on IPv6 addresses")
	b.tenantInnocents(tenants)
}

func (b *cast) tenantInnocents(tenants []string) {
	b.enterprise(enterprise{id: "E661", name: "长春母树集团有限公司", nameEN: "Mother Tree Group", place: "220100"})
	var group []string
	for i := range 4 {
		id := fmt.Sprintf("E%d", 662+i)
		b.enterprise(enterprise{id: id, name: fmt.Sprintf("长春母树第%d分公司", i+1), nameEN: fmt.Sprintf("Mother Tree %d", i+1), place: "220100", parent: "E661"})
		group = append(group, id)
	}
	block := b.allocate(allocation{bits: 26, enterprise: "E661", use: "enterprise"})
	b.hosted(block, "mushu", group)
	b.innocent(subleaseTenants, "allocation", block.String(), "sites of the holder's own subsidiaries")

	host := b.licensed(enterprise{id: "E666", name: "长春正房数据有限公司", nameEN: "Zhengfang Data", place: "220100"}, "B11")
	block = b.allocate(allocation{bits: 26, enterprise: host, use: "idc"})
	b.hosted(block, "zhengfang", tenants)
	b.innocent(subleaseTenants, "allocation", block.String(), "the holder is licensed to host")
	b.innocent(licenceMissing, "allocation", block.String(), "B11 is active")

	edge := b.licensed(enterprise{id: "E667", name: "长春冰河分发有限公司", nameEN: "Binghe Delivery", place: "220100"}, "B12")
	block = b.allocate(allocation{bits: 26, enterprise: edge, use: "cdn"})
	b.hosted(block, "binghe", tenants)
	b.innocent(subleaseTenants, "allocation", block.String(), "a B12 holder serves its customers' filed sites")
	b.innocent(licenceMissing, "allocation", block.String(), "B12 is active")

	b.enterprise(enterprise{id: "E668", name: "长春邻里商贸有限公司", nameEN: "Linli Trading", place: "220100"})
	block = b.allocate(allocation{bits: 26, enterprise: "E668", use: "enterprise"})
	b.hosted(block, "linli", tenants[:2])
	b.innocent(subleaseTenants, "allocation", block.String(), "two unrelated sites only")
}

// hosted files a site of each owner, and has them observed in the block.
func (b *cast) hosted(block netip.Prefix, name string, owners []string) {
	for i, owner := range owners {
		id := b.site(site{
			domain: fmt.Sprintf("%s-%d.example", name, i+1), owner: owner, filed: b.day(-700), provider: carrierID,
			addr: hostAt(block, uint64(1+i)), seen: [2]string{b.day(-600), b.day(0)},
		})
		b.innocent(icpAccessProvider, "domain", id, "the access row names the carrier")
	}
}
