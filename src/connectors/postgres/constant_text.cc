/// Text forms that PostgreSQL reads back as exactly the same value.
#include "connectors/postgres/constant_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "connectors/postgres/type_oids.h"

namespace weir::postgres {
namespace {

using plan::Constant;
using plan::Kind;

/// Numeric kinds stand in the order in which they widen.
constexpr std::array kTypes = {
    ConstantType{Kind::text, oid::kText, oid::kTextArray, "text"},
    ConstantType{Kind::boolean, oid::kBool, oid::kBoolArray, "bool"},
    ConstantType{Kind::uint32, oid::kOid, oid::kOidArray, "oid"},
    ConstantType{Kind::int16, oid::kInt2, oid::kInt2Array, "int2"},
    ConstantType{Kind::int32, oid::kInt4, oid::kInt4Array, "int4"},
    ConstantType{Kind::int64, oid::kInt8, oid::kInt8Array, "int8"},
    ConstantType{Kind::decimal, oid::kNumeric, oid::kNumericArray, "numeric"},
    ConstantType{Kind::float32, oid::kFloat4, oid::kFloat4Array, "float4"},
    ConstantType{Kind::float64, oid::kFloat8, oid::kFloat8Array, "float8"},
    ConstantType{Kind::binary, oid::kBytea, oid::kByteaArray, "bytea"},
    ConstantType{Kind::date, oid::kDate, oid::kDateArray, "date"},
    ConstantType{Kind::time, oid::kTime, oid::kTimeArray, "time"},
    ConstantType{Kind::timestamp, oid::kTimestamp, oid::kTimestampArray, "timestamp"},
    ConstantType{Kind::timestamptz, oid::kTimestamptz, oid::kTimestamptzArray, "timestamptz"},
    ConstantType{Kind::uuid, oid::kUuid, oid::kUuidArray, "uuid"},
};

template <typename Float>
std::string float_text(Float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 32> text;
  auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

std::string bytes_text(std::string_view bytes) {
  std::string text = "\\x";
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

constexpr std::string_view kBeforeChrist = " (BC)";

/// "0044-03-15 (BC) 12:00:00" → "0044-03-15 12:00:00 BC".
std::string moment_text(const std::string& text) {
  size_t at = text.find(kBeforeChrist);
  if (at == std::string::npos) return text;
  return text.substr(0, at) + text.substr(at + kBeforeChrist.size()) + " BC";
}

/// A time without an offset means UTC, whatever the session's zone is.
std::string zoned_text(const std::string& text) {
  size_t clock = text.find(':');
  if (clock == std::string::npos || text.find_first_of("+-Z", clock) != std::string::npos) return text;
  return text + "+00";
}

std::string value_text(const Constant& constant, const std::string& text) {
  switch (constant.type.kind) {
    case Kind::binary:
      return bytes_text(text);
    case Kind::date:
    case Kind::timestamp:
      return moment_text(text);
    case Kind::timestamptz:
      return moment_text(zoned_text(text));
    default:
      return text;
  }
}

std::string value_text(const Constant& constant, double value) {
  return constant.type.kind == Kind::float32 ? float_text(static_cast<float>(value)) : float_text(value);
}

std::string value_text(const Constant&, int64_t value) { return std::to_string(value); }
std::string value_text(const Constant&, bool value) { return value ? "true" : "false"; }
std::string value_text(const Constant&, std::monostate) { return {}; }

/// The day of an ISO date, ordered like the calendar within one era. Nothing for "infinity".
struct Day {
  int64_t year;
  std::string_view month_and_day;
};
std::optional<Day> parse_day(std::string_view text) {
  Day day{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), day.year);
  if (error != std::errc() || end == text.data() + text.size() || *end != '-') return std::nullopt;
  day.month_and_day = text.substr(static_cast<size_t>(end - text.data()) + 1, 5);
  return day;
}

}  // namespace

const ConstantType& constant_type(Kind kind) {
  auto found = std::ranges::find(kTypes, kind, &ConstantType::kind);
  return found == kTypes.end() ? kTypes.front() : *found;
}

std::optional<Kind> common_kind(std::span<const Constant> values) {
  const ConstantType* widest = nullptr;
  for (const Constant& value : values) {
    if (value.is_null()) continue;
    const ConstantType* type = &constant_type(value.type.kind);
    if (widest == nullptr || type > widest) widest = type;  // kTypes stands in the order of widening
  }
  return widest == nullptr ? std::nullopt : std::optional(widest->kind);
}

std::string constant_text(const Constant& constant) {
  return std::visit([&](const auto& value) { return value_text(constant, value); }, constant.value);
}

std::string array_text(std::span<const Constant> values) {
  std::string text = "{";
  for (const Constant& value : values) {
    if (text.size() > 1) text += ',';
    if (value.is_null()) {
      text += "NULL";
      continue;
    }
    text += '"';
    for (char c : constant_text(value)) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + '}';
}

std::optional<std::string> bound_below(const Constant& constant) {
  // PostgreSQL's dates go from 4714-11-24 BC to 5874897-12-31 AD; its timestamps begin on the same day and end after
  // DuckDB's.
  const Kind kind = constant.type.kind;
  if (kind != Kind::date && kind != Kind::timestamp && kind != Kind::timestamptz) return std::nullopt;
  const auto* text = std::get_if<std::string>(&constant.value);
  auto day = text == nullptr ? std::nullopt : parse_day(*text);
  if (!day) return std::nullopt;
  if (text->find(kBeforeChrist) != std::string::npos) {
    bool before = day->year > 4714 || (day->year == 4714 && day->month_and_day < "11-24");
    return before ? std::optional<std::string>("-infinity") : std::nullopt;
  }
  return kind == Kind::date && day->year > 5874897 ? std::optional<std::string>("5874897-12-31") : std::nullopt;
}

}  // namespace weir::postgres
