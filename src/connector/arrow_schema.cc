/// Format strings of the Arrow C Data Interface for the plan's kinds.
#include "connector/arrow_schema.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "batch/schema.h"

namespace weir::connector {
namespace {

using plan::Kind;

std::string format_of(const plan::Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return "b";
    case Kind::int16:
      return "s";
    case Kind::int32:
      return "i";
    case Kind::int64:
      return "l";
    case Kind::uint32:
      return "I";
    case Kind::float32:
      return "f";
    case Kind::float64:
      return "g";
    case Kind::decimal:
      return fmt::format("d:{},{}", type.precision, type.scale);
    case Kind::text:
    case Kind::json:
      return "u";
    case Kind::binary:
      return "z";
    case Kind::date:
      return "tdD";
    case Kind::time:
      return "ttu";
    case Kind::timestamp:
      return "tsu:";
    case Kind::timestamptz:
      return "tsu:UTC";
    case Kind::interval:
    case Kind::uuid:
      return "w:16";
    case Kind::list:
      return "+l";
  }
  return "n";
}

/// What the format leaves open.
std::string_view extension_of(const plan::Type& type) {
  switch (type.kind) {
    case Kind::json:
      return "arrow.json";
    case Kind::uuid:
      return "arrow.uuid";
    case Kind::interval:
      return "weir.interval";
    default:
      return {};
  }
}

batch::OwnedSchema field(const plan::Type& type, std::string name, bool nullable) {
  std::vector<batch::OwnedSchema> children;
  for (const plan::Type& child : type.children) children.push_back(field(child, "item", true));
  return batch::make_schema(format_of(type), std::move(name), nullable, std::move(children), extension_of(type));
}

}  // namespace

batch::OwnedSchema arrow_schema(std::span<const plan::Column> columns) {
  std::vector<batch::OwnedSchema> fields;
  for (const plan::Column& column : columns) fields.push_back(field(column.type, column.name, column.nullable));
  return batch::make_schema("+s", "", false, std::move(fields));
}

}  // namespace weir::connector
