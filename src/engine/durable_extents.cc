/// The lake's own file system inside DuckDB.
#include "engine/durable_extents.h"

#include <duckdb/common/local_file_system.hpp>
#include <unistd.h>

#include "lake/durable_file.h"

namespace weir::engine {
namespace {

using duckdb::FileHandle;
using duckdb::idx_t;

void sync_directory(const std::filesystem::path& directory) {
  if (const auto synced = lake::sync_directory(directory); !synced) throw duckdb::IOException(synced.error().message);
}

/// A file that is being written.
class Extent : public FileHandle {
 public:
  Extent(duckdb::FileSystem& system, duckdb::unique_ptr<FileHandle> file)
      : FileHandle(system, file->GetPath(), file->GetFlags()), file_(std::move(file)) {}
  Extent(const Extent&) = delete;
  Extent& operator=(const Extent&) = delete;
  ~Extent() override {
    // Only a failed statement gives a file up. Nothing can refer to it, and on a full disk its space is needed.
    if (!closed_) ::unlink(path.c_str());
  }

  void Close() override {
    if (closed_) return;
    file_->Sync();
    file_->Close();
    sync_directory(std::filesystem::path(path).parent_path());
    closed_ = true;
  }

  FileHandle& file() { return *file_; }

 private:
  duckdb::unique_ptr<FileHandle> file_;
  bool closed_ = false;
};

/// The handle that the local file system made: itself, or the one inside an extent.
FileHandle& local(FileHandle& handle) {
  auto* extent = dynamic_cast<Extent*>(&handle);
  return extent == nullptr ? handle : extent->file();
}

class DurableExtents : public duckdb::LocalFileSystem {
 public:
  explicit DurableExtents(const std::filesystem::path& extents)
      : extents_(extents.string() + "/"),
        catalog_(extents.parent_path() / "catalog.ducklake"),
        hot_(extents.parent_path() / "hot.duckdb") {}

  bool CanHandleFile(const std::string& path) override {
    return path.starts_with(extents_) || path.starts_with(catalog_) || path.starts_with(hot_);
  }
  std::string GetName() const override { return "DurableExtents"; }

  duckdb::unique_ptr<FileHandle> OpenFile(const std::string& path, duckdb::FileOpenFlags flags,
                                          duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    auto file = LocalFileSystem::OpenFile(path, flags, opener);
    if (!file || !flags.OpenForWriting()) return file;
    if (path.starts_with(extents_)) return duckdb::make_uniq<Extent>(*this, std::move(file));
    // DuckDB syncs what it writes to the catalog and the hot database, but not the entry of the log that it creates
    // after each fold.
    sync_directory(std::filesystem::path(path).parent_path());
    return file;
  }

  void CreateDirectory(const std::string& directory, duckdb::optional_ptr<duckdb::FileOpener> opener) override {
    LocalFileSystem::CreateDirectory(directory, opener);
    auto place = std::filesystem::path(directory);
    if (!place.has_filename()) place = place.parent_path();
    sync_directory(place.parent_path());
  }

  void Read(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) override {
    LocalFileSystem::Read(local(handle), buffer, bytes, location);
  }
  int64_t Read(FileHandle& handle, void* buffer, int64_t bytes) override {
    return LocalFileSystem::Read(local(handle), buffer, bytes);
  }
  void Write(FileHandle& handle, void* buffer, int64_t bytes, idx_t location) override {
    LocalFileSystem::Write(local(handle), buffer, bytes, location);
  }
  int64_t Write(FileHandle& handle, void* buffer, int64_t bytes) override {
    return LocalFileSystem::Write(local(handle), buffer, bytes);
  }
  bool Trim(FileHandle& handle, idx_t offset, idx_t bytes) override {
    return LocalFileSystem::Trim(local(handle), offset, bytes);
  }
  int64_t GetFileSize(FileHandle& handle) override { return LocalFileSystem::GetFileSize(local(handle)); }
  duckdb::timestamp_t GetLastModifiedTime(FileHandle& handle) override {
    return LocalFileSystem::GetLastModifiedTime(local(handle));
  }
  std::string GetVersionTag(FileHandle& handle) override { return LocalFileSystem::GetVersionTag(local(handle)); }
  duckdb::FileType GetFileType(FileHandle& handle) override { return LocalFileSystem::GetFileType(local(handle)); }
  duckdb::FileMetadata Stats(FileHandle& handle) override { return LocalFileSystem::Stats(local(handle)); }
  void Truncate(FileHandle& handle, int64_t bytes) override { LocalFileSystem::Truncate(local(handle), bytes); }
  void FileSync(FileHandle& handle) override { LocalFileSystem::FileSync(local(handle)); }
  void Seek(FileHandle& handle, idx_t location) override { LocalFileSystem::Seek(local(handle), location); }
  idx_t SeekPosition(FileHandle& handle) override { return LocalFileSystem::SeekPosition(local(handle)); }
  bool OnDiskFile(FileHandle&) override { return true; }

 private:
  std::string extents_;
  std::string catalog_;  ///< the catalog's file; its log's name begins with it
  std::string hot_;      ///< the hot database's file, likewise
};

}  // namespace

duckdb::unique_ptr<duckdb::FileSystem> durable_extents(const std::filesystem::path& extents) {
  return duckdb::make_uniq<DurableExtents>(extents);
}

}  // namespace weir::engine
