/// Object identifiers of PostgreSQL's built-in types. They are fixed: src/include/catalog/pg_type.dat of PostgreSQL.
#pragma once

#include <cstdint>

namespace weir::postgres::oid {

inline constexpr uint32_t kBool = 16, kBytea = 17, kChar = 18, kName = 19, kInt8 = 20, kInt2 = 21, kInt2Vector = 22,
                          kInt4 = 23, kText = 25, kOid = 26, kOidVector = 30, kJson = 114, kFloat4 = 700, kFloat8 = 701,
                          kBpchar = 1042, kVarchar = 1043, kDate = 1082, kTime = 1083, kTimestamp = 1114,
                          kTimestamptz = 1184, kInterval = 1186, kVarbit = 1562, kNumeric = 1700, kUuid = 2950,
                          kJsonb = 3802;

inline constexpr uint32_t kBoolArray = 1000, kByteaArray = 1001, kInt2Array = 1005, kInt4Array = 1007,
                          kTextArray = 1009, kInt8Array = 1016, kFloat4Array = 1021, kFloat8Array = 1022,
                          kOidArray = 1028, kTimestampArray = 1115, kDateArray = 1182, kTimeArray = 1183,
                          kTimestamptzArray = 1185, kNumericArray = 1231, kUuidArray = 2951;

}  // namespace weir::postgres::oid
