/// In which Arrow type each SQL type leaves the engine.
#include "engine/answer_types.h"

#include <algorithm>
#include <array>

namespace weir::engine {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

/// Types that DuckDB's Arrow export keeps exactly.
constexpr std::array kExact = {
    LogicalTypeId::BOOLEAN,      LogicalTypeId::TINYINT,       LogicalTypeId::SMALLINT,     LogicalTypeId::INTEGER,
    LogicalTypeId::BIGINT,       LogicalTypeId::UTINYINT,      LogicalTypeId::USMALLINT,    LogicalTypeId::UINTEGER,
    LogicalTypeId::UBIGINT,      LogicalTypeId::FLOAT,         LogicalTypeId::DOUBLE,       LogicalTypeId::DECIMAL,
    LogicalTypeId::DATE,         LogicalTypeId::TIME,          LogicalTypeId::TIME_NS,      LogicalTypeId::TIMESTAMP,
    LogicalTypeId::TIMESTAMP_TZ, LogicalTypeId::TIMESTAMP_SEC, LogicalTypeId::TIMESTAMP_MS, LogicalTypeId::TIMESTAMP_NS,
    LogicalTypeId::BLOB,
};

LogicalType answer_struct(const LogicalType& type) {
  duckdb::child_list_t<LogicalType> children;
  for (const auto& [name, child] : duckdb::StructType::GetChildTypes(type)) {
    children.emplace_back(name, answer_type(child));
  }
  return LogicalType::STRUCT(std::move(children));
}

}  // namespace

LogicalType answer_type(const LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT:
      return LogicalType::DECIMAL(38, 0);
    case LogicalTypeId::LIST:
      return LogicalType::LIST(answer_type(duckdb::ListType::GetChildType(type)));
    case LogicalTypeId::ARRAY:
      return LogicalType::ARRAY(answer_type(duckdb::ArrayType::GetChildType(type)), duckdb::ArrayType::GetSize(type));
    case LogicalTypeId::MAP:
      return LogicalType::MAP(answer_type(duckdb::MapType::KeyType(type)),
                              answer_type(duckdb::MapType::ValueType(type)));
    case LogicalTypeId::STRUCT:
      return answer_struct(type);
    default:
      break;
  }
  if (type.HasAlias()) return LogicalType::VARCHAR;
  bool exact = std::find(kExact.begin(), kExact.end(), type.id()) != kExact.end();
  return exact ? type : LogicalType::VARCHAR;
}

}  // namespace weir::engine
