"""Reports: what receivers tell domain owners, composed and read; sending them is for faces."""
