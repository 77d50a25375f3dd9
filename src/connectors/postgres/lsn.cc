#include "connectors/postgres/lsn.h"

#include <charconv>

#include <fmt/format.h>

namespace weir::postgres {
namespace {

std::optional<uint64_t> hexadecimal(std::string_view text, size_t digits_max) {
  uint64_t value = 0;
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string to_text(Lsn lsn) { return fmt::format("{:X}/{:X}", lsn.value >> 32, lsn.value & UINT32_MAX); }

std::optional<Lsn> lsn_of(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto high = hexadecimal(text.substr(0, slash), 8);
  const auto low = hexadecimal(text.substr(slash + 1), 8);
  if (!high || !low) return std::nullopt;
  return Lsn{*high << 32 | *low};
}

connector::Position to_position(Lsn lsn) { return fmt::format("{:016X}", lsn.value); }

Result<Lsn> lsn_at(const connector::Position& position) {
  if (position.empty()) return Lsn{};
  const auto value = position.size() == 16 ? hexadecimal(position, 16) : std::nullopt;
  if (!value) return fail(ErrorCode::data_dir_damaged, "not a position of a PostgreSQL source: '" + position + "'");
  return Lsn{*value};
}

}  // namespace weir::postgres
