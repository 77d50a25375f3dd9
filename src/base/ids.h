/// Identifiers: UUIDs in their text form, 36 lower-case characters.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

using UuidBytes = std::array<uint8_t, 16>;

/// A random UUID (version 4) from the operating system's generator.
std::string new_uuid();
/// A UUID that sorts by its time (version 7: 48 bits of milliseconds since 1970, then random bits).
std::string new_ordered_uuid();

/// As `new_ordered_uuid`, with time and randomness given. Only the first 10 bytes of `random` are used.
std::string ordered_uuid(std::chrono::system_clock::time_point at, const UuidBytes& random);
/// The text form of sixteen bytes: 8-4-4-4-12 hexadecimal digits.
std::string to_text(const UuidBytes& bytes);
/// Whether `text` has the form of a UUID of any version, in either letter case.
bool is_uuid(std::string_view text);

}  // namespace weir
