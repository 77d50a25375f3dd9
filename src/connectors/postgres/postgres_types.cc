/// The rules of TYPES.md.
#include "connectors/postgres/postgres_types.h"

#include <array>
#include <charconv>
#include <optional>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using plan::Collation;
using plan::Kind;
using plan::Type;

/// Where a type lives in the plan.
struct Home {
  Type type;
  Collation collation = Collation::not_text;
  bool cast_to_text = false;
};

Type scalar(Kind kind) { return {kind, 0, 0, {}}; }

Home text_cast(Kind kind = Kind::text) {
  return {scalar(kind), kind == Kind::text ? Collation::nondeterministic : Collation::not_text, true};
}

struct ScalarRow {
  uint32_t type_oid;
  Kind kind;
};

/// Types with a binary form that is decoded as it is.
constexpr std::array kScalars = {
    ScalarRow{oid::kBool, Kind::boolean},
    ScalarRow{oid::kInt2, Kind::int16},
    ScalarRow{oid::kInt4, Kind::int32},
    ScalarRow{oid::kInt8, Kind::int64},
    ScalarRow{oid::kOid, Kind::uint32},
    ScalarRow{oid::kFloat4, Kind::float32},
    ScalarRow{oid::kFloat8, Kind::float64},
    ScalarRow{oid::kText, Kind::text},
    ScalarRow{oid::kVarchar, Kind::text},
    ScalarRow{oid::kName, Kind::text},
    ScalarRow{oid::kBpchar, Kind::text},
    ScalarRow{oid::kChar, Kind::text},
    ScalarRow{oid::kBytea, Kind::binary},
    ScalarRow{oid::kDate, Kind::date},
    ScalarRow{oid::kTime, Kind::time},
    ScalarRow{oid::kTimestamp, Kind::timestamp},
    ScalarRow{oid::kTimestamptz, Kind::timestamptz},
    ScalarRow{oid::kInterval, Kind::interval},
    ScalarRow{oid::kUuid, Kind::uuid},
    ScalarRow{oid::kJson, Kind::json},
};

std::optional<Kind> scalar_kind(uint32_t type_oid) {
  for (const ScalarRow& row : kScalars) {
    if (row.type_oid == type_oid) return row.kind;
  }
  return std::nullopt;
}

Home decimal_home(uint8_t precision, uint8_t scale) { return {{Kind::decimal, precision, scale, {}}}; }

/// The modifier holds precision and scale as numeric.c packs them: the scale is a signed number of 11 bits.
Home numeric_home(int32_t modifier, const NumericMode& mode) {
  constexpr int32_t kModifierBase = 4;
  constexpr int32_t kPrecisionMax = 38;
  if (modifier >= kModifierBase) {
    int32_t precision = (modifier - kModifierBase) >> 16;
    int32_t scale = (((modifier - kModifierBase) & 0x7ff) ^ 1024) - 1024;
    bool exact = precision >= 1 && precision <= kPrecisionMax && scale >= 0 && scale <= precision;
    if (exact) return decimal_home(static_cast<uint8_t>(precision), static_cast<uint8_t>(scale));
  }
  switch (mode.form) {
    case NumericMode::Form::string:
      return text_cast();
    case NumericMode::Form::floating:
      return text_cast(Kind::float64);
    case NumericMode::Form::decimal:
      break;
  }
  return decimal_home(mode.precision, mode.scale);
}

/// `deterministic` is that of the column's collation.
Collation text_collation(uint32_t type_oid, bool deterministic) {
  // bpchar ignores trailing blanks; "char" sends a byte that need not be a character.
  bool bytewise = type_oid != oid::kBpchar && type_oid != oid::kChar;
  return bytewise && deterministic ? Collation::deterministic : Collation::nondeterministic;
}

class Mapper {
 public:
  Mapper(const TypeCatalog& types, const TypeOptions& options, bool collation_deterministic)
      : types_(types), options_(options), collation_deterministic_(collation_deterministic) {}

  Home home(uint32_t type_oid, int32_t modifier, int32_t dimensions) const {
    if (auto kind = scalar_kind(type_oid)) {
      bool text = *kind == Kind::text;
      return {scalar(*kind), text ? text_collation(type_oid, collation_deterministic_) : Collation::not_text};
    }
    if (type_oid == oid::kNumeric) return numeric_home(modifier, options_.numeric_mode);
    if (type_oid == oid::kJsonb) return text_cast(Kind::json);
    if (type_oid == oid::kInt2Vector || type_oid == oid::kOidVector) return text_cast();
    auto found = types_.find(type_oid);
    return found == types_.end() ? text_cast() : defined_home(found->second, modifier, dimensions);
  }

 private:
  /// Types that pg_type has to explain.
  Home defined_home(const TypeFacts& type, int32_t modifier, int32_t dimensions) const {
    if (type.category == 'd') return home(type.base_oid, type.base_modifier, type.base_dimensions);
    if (type.category == 'e') return {scalar(Kind::text), Collation::deterministic};
    if (type.category == 'b' && type.element_oid != 0) return array_home(type.element_oid, modifier, dimensions);
    if (type.category == 'b' && type.name == "citext") return {scalar(Kind::text), Collation::nondeterministic};
    return text_cast();
  }

  Home array_home(uint32_t element_oid, int32_t modifier, int32_t dimensions) const {
    if (options_.array_mode == ArrayMode::text || dimensions > 1) return text_cast();
    Home element = home(element_oid, modifier, 0);
    // `::text[]` casts elements to text, whatever they are; a list among them would become text as well.
    if (element.cast_to_text && element.type.kind == Kind::list) element = text_cast();
    return {{Kind::list, 0, 0, {element.type}}, Collation::not_text, element.cast_to_text};
  }

  const TypeCatalog& types_;
  const TypeOptions& options_;
  bool collation_deterministic_;
};

std::unexpected<Error> invalid_numeric_mode(std::string_view text) {
  return fail(ErrorCode::invalid_option,
              "connection.numeric_mode is neither decimal(precision,scale), string nor double: " + std::string(text),
              "a precision from 1 to 38 and a scale up to it, for example decimal(38,10)");
}

/// The number in front of `end`, which is cut off together with it.
std::optional<int> take_number(std::string_view& text, char end) {
  int number = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop == text.data() + text.size() || *stop != end) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(stop - text.data()) + 1);
  return number;
}

}  // namespace

Result<NumericMode> parse_numeric_mode(std::string_view text) {
  using Form = NumericMode::Form;
  if (text == "string") return NumericMode{.form = Form::string};
  if (text == "double") return NumericMode{.form = Form::floating};
  constexpr std::string_view kPrefix = "decimal(";
  std::string_view rest = text;
  if (!rest.starts_with(kPrefix)) return invalid_numeric_mode(text);
  rest.remove_prefix(kPrefix.size());
  auto precision = take_number(rest, ',');
  auto scale = take_number(rest, ')');
  if (!precision || !scale || !rest.empty() || *precision < 1 || *precision > 38 || *scale < 0 || *scale > *precision) {
    return invalid_numeric_mode(text);
  }
  return NumericMode{Form::decimal, static_cast<uint8_t>(*precision), static_cast<uint8_t>(*scale)};
}

Result<ArrayMode> parse_array_mode(std::string_view text) {
  if (text == "list") return ArrayMode::list;
  if (text == "text") return ArrayMode::text;
  return fail(ErrorCode::invalid_option, "connection.array_mode is neither list nor text: " + std::string(text));
}

plan::Column map_column(const ColumnFacts& column, const TypeCatalog& types, const TypeOptions& options) {
  Home home = Mapper(types, options, column.collation_deterministic)
                  .home(column.type_oid, column.type_modifier, column.dimensions);
  return {.name = column.name,
          .type = std::move(home.type),
          .collation = home.collation,
          .nullable = !column.not_null,
          .source_type = column.type_text,
          .cast_to_text = home.cast_to_text};
}

}  // namespace weir::postgres
