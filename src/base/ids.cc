/// UUIDs of RFC 9562.
#include "base/ids.h"

#include <cctype>
#include <cerrno>
#include <cstdlib>

#include <sys/random.h>

namespace weir {
namespace {

UuidBytes random_bytes() {
  UuidBytes bytes{};
  // Up to 256 bytes come whole; only a signal before the generator is seeded interrupts.
  while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    // Without randomness identifiers would collide, and there is nothing else to fall back on.
    if (errno != EINTR) std::abort();
  }
  return bytes;
}

void stamp(UuidBytes& bytes, uint8_t version) {
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
}

constexpr bool is_dash_position(size_t index) { return index == 8 || index == 13 || index == 18 || index == 23; }

}  // namespace

std::string to_text(const UuidBytes& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (const uint8_t byte : bytes) {
    if (is_dash_position(text.size())) text += '-';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0x0f];
  }
  return text;
}

std::string new_uuid() {
  UuidBytes bytes = random_bytes();
  stamp(bytes, 4);
  return to_text(bytes);
}

std::string ordered_uuid(std::chrono::system_clock::time_point at, const UuidBytes& random) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  UuidBytes bytes{};
  for (size_t i = 0; i < 6; i++) bytes[i] = static_cast<uint8_t>(since_epoch >> (8 * (5 - i)));
  for (size_t i = 6; i < bytes.size(); i++) bytes[i] = random[i - 6];
  stamp(bytes, 7);
  return to_text(bytes);
}

std::string new_ordered_uuid() { return ordered_uuid(std::chrono::system_clock::now(), random_bytes()); }

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); i++) {
    const bool fits = is_dash_position(i) ? text[i] == '-' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (!fits) return false;
  }
  return true;
}

}  // namespace weir
